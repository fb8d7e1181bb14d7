import type { Parcel } from './parcel.js';

/** Parcels waiting to be sent, first in first out, with a way back to the front. */
export class ParcelQueue {
  #parcels: Parcel[] = [];
  #head = 0;

  get size(): number {
    return this.#parcels.length - this.#head;
  }

  push(parcel: Parcel): void {
    this.#parcels.push(parcel);
  }

  shift(): Parcel | null {
    const parcel = this.#parcels[this.#head];
    if (parcel === undefined) return null;
    this.#head += 1;
    // An array's own shift moves everything; here that is done once per thousand.
    if (this.#head === this.#parcels.length) this.clear();
    else if (this.#head >= 1024 && this.#head * 2 >= this.#parcels.length) this.#compact();
    return parcel;
  }

  /** Puts parcels before all others, in their order. */
  unshift(parcels: readonly Parcel[]): void {
    this.#parcels = [...parcels, ...this.#parcels.slice(this.#head)];
    this.#head = 0;
  }

  /** Takes out those that do not fit. */
  keep(fits: (parcel: Parcel) => boolean): void {
    this.#parcels = this.#parcels.slice(this.#head).filter(fits);
    this.#head = 0;
  }

  clear(): void {
    this.#parcels.length = 0;
    this.#head = 0;
  }

  #compact(): void {
    this.#parcels = this.#parcels.slice(this.#head);
    this.#head = 0;
  }
}
