const SMALLEST = 16;

/** A queue in an array that both ends of which can be used and any place of which can be read; it grows and shrinks. */
export class Ring<Item> {
  #cells: (Item | undefined)[] = new Array(SMALLEST);
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: Item): void {
    if (this.#size === this.#cells.length) this.#resize(this.#size * 2);
    this.#cells[(this.#head + this.#size) & (this.#cells.length - 1)] = item;
    this.#size += 1;
  }

  unshift(item: Item): void {
    if (this.#size === this.#cells.length) this.#resize(this.#size * 2);
    this.#head = (this.#head - 1) & (this.#cells.length - 1);
    this.#cells[this.#head] = item;
    this.#size += 1;
  }

  shift(): Item | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#cells[this.#head];
    this.#cells[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#cells.length - 1);
    this.#size -= 1;
    if (this.#cells.length > 1024 && this.#size < this.#cells.length / 8)
      this.#resize(this.#cells.length / 2);
    return item;
  }

  /** The item at a place counted from the head. */
  at(index: number): Item | undefined {
    return index < 0 || index >= this.#size
      ? undefined
      : this.#cells[(this.#head + index) & (this.#cells.length - 1)];
  }

  /** Head to tail, as an array of its own. */
  toArray(): Item[] {
    return Array.from({ length: this.#size }, (_, index) => this.at(index) as Item);
  }

  clear(): void {
    this.#cells = new Array(SMALLEST);
    this.#head = 0;
    this.#size = 0;
  }

  #resize(length: number): void {
    const cells = new Array<Item | undefined>(length);
    for (let index = 0; index < this.#size; index += 1) {
      cells[index] = this.#cells[(this.#head + index) & (this.#cells.length - 1)];
    }
    this.#cells = cells;
    this.#head = 0;
  }
}
