import { BuscouplerError } from '../../contract/errors.js';

/** A client's end of a connection, as the server sees it. */
export interface Visitor {
  readonly clientId: string;
  /** The server closed the connection. */
  lose(error: BuscouplerError): void;
  /** The server stopped taking publishes (a reason) or takes them again (`null`). */
  blockChanged(reason: string | null): void;
}

/** The door of an embedded broker: who is connected, and whether it lets anyone in. */
export class Gate {
  readonly #product: string;
  readonly #visitors = new Set<Visitor>();
  #isDown = false;
  #blockedReason: string | null = null;
  /** Connects that were turned away. */
  turnedAway = 0;
  /** How often a client that had something to publish found the broker blocked. */
  heldBack = 0;

  constructor(product: string) {
    this.#product = product;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  /** Why publishes are not taken at the moment; `null` if they are. */
  get blockedReason(): string | null {
    return this.#blockedReason;
  }

  /** Throws BC_BROKER_UNAVAILABLE while down. */
  enter(visitor: Visitor): void {
    if (this.#isDown) {
      this.turnedAway += 1;
      throw new BuscouplerError('BC_BROKER_UNAVAILABLE', `The embedded ${this.#product} is down.`);
    }
    this.#visitors.add(visitor);
  }

  leave(visitor: Visitor): void {
    this.#visitors.delete(visitor);
  }

  /** Closes the connections of one client, or of all. Returns how many. */
  drop(clientId?: string): number {
    const dropped = [...this.#visitors].filter((one) => clientId === undefined || one.clientId === clientId);
    for (const visitor of dropped) {
      this.#visitors.delete(visitor);
      visitor.lose(
        new BuscouplerError(
          'BC_BROKER_UNAVAILABLE',
          `The connection to the embedded ${this.#product} was closed.`,
        ),
      );
    }
    return dropped.length;
  }

  /** Closes every connection and turns everyone away. Returns how many were closed. */
  shut(): number {
    this.#isDown = true;
    return this.drop();
  }

  open(): void {
    this.#isDown = false;
  }

  setBlocked(reason: string | null): void {
    if (reason === this.#blockedReason) return;
    this.#blockedReason = reason;
    for (const visitor of [...this.#visitors]) visitor.blockChanged(reason);
  }
}
