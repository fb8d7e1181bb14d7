/** One delivered position; a cell of the cursor's list, so that finishing it costs no look-up. */
export interface CursorEntry<Position> {
  readonly position: Position;
  isFinished: boolean;
  next: CursorEntry<Position> | null;
}

/**
 * Follows one ordered source (a partition, a channel) and knows the last position up to which everything delivered is
 * finished. Contiguous means in *delivered* order: transaction markers and compaction leave gaps in offsets.
 */
export class Cursor<Position> {
  #head: CursorEntry<Position> | null = null;
  #tail: CursorEntry<Position> | null = null;
  #committable: Position | null = null;
  #unfinished = 0;
  #covered = 0;

  /** A position was delivered; keep the entry and finish it. */
  add(position: Position): CursorEntry<Position> {
    const entry: CursorEntry<Position> = { position, isFinished: false, next: null };
    if (this.#tail === null) this.#head = entry;
    else this.#tail.next = entry;
    this.#tail = entry;
    this.#unfinished += 1;
    return entry;
  }

  /** Marks an entry; true if the committable position moved. Idempotent. */
  finish(entry: CursorEntry<Position>): boolean {
    if (entry.isFinished) return false;
    entry.isFinished = true;
    this.#unfinished -= 1;
    if (entry !== this.#head) return false;
    this.#advance();
    return true;
  }

  #advance(): void {
    let head = this.#head;
    while (head?.isFinished) {
      this.#committable = head.position;
      this.#covered += 1;
      head = head.next;
    }
    this.#head = head;
    if (head === null) this.#tail = null;
  }

  /** The last position of the finished prefix; `null` while the first delivery is unfinished. */
  committable(): Position | null {
    return this.#committable;
  }

  /** How many deliveries the finished prefix has covered since the cursor was made. */
  get covered(): number {
    return this.#covered;
  }

  /** Delivered and not finished. */
  get unfinished(): number {
    return this.#unfinished;
  }

  /** The first unfinished position; `null` if all are finished. */
  oldestUnfinished(): Position | null {
    return this.#head?.position ?? null;
  }
}
