/** One line of the table. */
export interface RowResult {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly theirs: number;
  /** Ours ÷ theirs. */
  readonly ratio: number;
  /** `null`: the figure is stated, there is no goal. */
  readonly goal: number | null;
  readonly stretch: number;
  /** True: the ratio must not be above the goal (times); false: not below (rates). */
  readonly lessIsBetter: boolean;
  /** How much of the ratio the machine alone can make. */
  readonly sameAgainstSame: readonly [number, number];
}

/** Addresses of the servers that a row may use. */
export interface BenchServers {
  readonly kafka: readonly string[];
  readonly rabbitmq: string;
}

/** A row that can be run. `needs`: whether servers must be there. */
export interface Row {
  readonly name: string;
  readonly needs: 'servers' | 'nothing';
  run(servers: BenchServers): Promise<RowResult>;
}

/** True if the goal is met, or missed by no more than what equal things differ by in this run. */
export function isMet(row: RowResult, tolerance: 'none' | 'noise' = 'none'): boolean {
  const [low, high] = row.sameAgainstSame;
  if (row.goal === null) return true;
  if (row.lessIsBetter) return row.ratio <= row.goal * (tolerance === 'noise' ? Math.max(1, high) : 1);
  return row.ratio >= row.goal * (tolerance === 'noise' ? Math.min(1, low) : 1);
}
