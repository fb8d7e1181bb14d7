import type { Parcel } from './parcel.js';

/**
 * The parcels sent on one channel and not confirmed, by delivery tag. A ring instead of a closure or promise each: the
 * server confirms mostly in order, and many with one frame.
 */
export class ConfirmWindow {
  readonly #ring: (Parcel | null)[];
  readonly #mask: number;
  /** Tag of the oldest unconfirmed parcel; equal to `#next` when there is none. */
  #first = 1;
  #next = 1;
  #size = 0;

  /** `span`: most tags between the oldest unconfirmed and the newest. */
  constructor(span: number) {
    const length = 2 ** Math.ceil(Math.log2(Math.max(2, span)));
    this.#ring = new Array<Parcel | null>(length).fill(null);
    this.#mask = length - 1;
  }

  /** Sent and unconfirmed. */
  get size(): number {
    return this.#size;
  }

  /** One parcel that is confirmed late can keep tags back although few are unconfirmed. */
  get isFull(): boolean {
    return this.#next - this.#first > this.#mask;
  }

  /** The next delivery tag is this parcel's. */
  add(parcel: Parcel): void {
    this.#ring[this.#next & this.#mask] = parcel;
    this.#next += 1;
    this.#size += 1;
  }

  /** Takes out what one confirm covers, oldest first. */
  take(tag: number, isMultiple: boolean, visit: (parcel: Parcel) => void): void {
    if (tag < this.#first || tag >= this.#next) return;
    if (!isMultiple) {
      this.#visit(tag, visit);
      if (tag === this.#first) this.#skipConfirmed();
      return;
    }
    while (this.#first <= tag) {
      const first = this.#first;
      this.#first += 1;
      this.#visit(first, visit);
    }
    this.#skipConfirmed();
  }

  #visit(tag: number, visit: (parcel: Parcel) => void): void {
    const parcel = this.#ring[tag & this.#mask];
    if (parcel === null || parcel === undefined) return;
    this.#ring[tag & this.#mask] = null;
    this.#size -= 1;
    visit(parcel);
  }

  #skipConfirmed(): void {
    while (this.#first < this.#next && this.#ring[this.#first & this.#mask] === null) this.#first += 1;
  }

  /** The oldest parcel that fits; returns come in the order of publishing, so it is near the front. */
  find(fits: (parcel: Parcel) => boolean): Parcel | null {
    for (let tag = this.#first; tag < this.#next; tag += 1) {
      const parcel = this.#ring[tag & this.#mask];
      if (parcel && fits(parcel)) return parcel;
    }
    return null;
  }

  /** Takes out everything, oldest first: the channel is gone, and its tags with it. */
  takeAll(): Parcel[] {
    const parcels: Parcel[] = [];
    this.take(this.#next - 1, true, (parcel) => parcels.push(parcel));
    this.#first = 1;
    this.#next = 1;
    return parcels;
  }
}
