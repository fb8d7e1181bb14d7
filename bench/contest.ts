/** One of two things that are compared. A round does the same work on either side. */
export interface Side {
  readonly name: string;
  /** Connects and warms up. */
  open(): Promise<void>;
  /** Does the work `count` times; resolves with its figure, of which more is better (a rate per second). */
  round(count: number): Promise<number>;
  close(): Promise<void>;
}

/** What a contest gave. Figures are medians over the rounds, ratios are per round. */
export interface ContestResult {
  readonly ours: number;
  readonly theirs: number;
  /** Median of ours ÷ theirs. */
  readonly ratio: number;
  /** Smallest and largest of theirs ÷ theirs: what the machine alone makes of equal things. */
  readonly sameAgainstSame: readonly [number, number];
}

/** How long a contest lasts. */
export interface ContestOptions {
  readonly rounds: number;
  readonly count: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/**
 * Runs both sides alternately in one process: ours between two rounds of theirs, in turned order every other time, so
 * that drift of the machine falls on both. The second round of theirs against the first says how much is noise.
 */
export async function contest(ours: Side, theirs: Side, options: ContestOptions): Promise<ContestResult> {
  await ours.open();
  await theirs.open();
  try {
    await ours.round(options.count);
    await theirs.round(options.count);
    const figures: { ours: number; theirs: number; again: number }[] = [];
    for (let round = 0; round < options.rounds; round += 1) {
      const first = await theirs.round(options.count);
      const own = await ours.round(options.count);
      const second = await theirs.round(options.count);
      figures.push({
        ours: own,
        theirs: (first + second) / 2,
        again: round % 2 === 0 ? second / first : first / second,
      });
    }
    const again = figures.map((figure) => figure.again);
    return {
      ours: median(figures.map((figure) => figure.ours)),
      theirs: median(figures.map((figure) => figure.theirs)),
      ratio: median(figures.map((figure) => figure.ours / figure.theirs)),
      sameAgainstSame: [Math.min(...again), Math.max(...again)],
    };
  } finally {
    await ours.close();
    await theirs.close();
  }
}
