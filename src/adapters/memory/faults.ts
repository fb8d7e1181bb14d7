import type { OutgoingMessage } from '../../contract/message.js';
import type { Gate } from './gate.js';

/** Which publishes a fault hits. */
export interface FaultScope {
  /** How many at most. Default 1; `Infinity` until removed. */
  readonly count?: number;
  /** Only those to this topic, exchange or (dead letters) queue. Default: all. */
  readonly place?: string;
  /** Only those that this returns true for. Default: all. */
  readonly matches?: (message: OutgoingMessage) => boolean;
}

/** A planted fault, which counts what it did: a test that plants one proves by `hits` that it happened. */
export interface Fault {
  readonly hits: number;
  remove(): void;
}

/** Replies that are held back. */
export interface Hold extends Fault {
  /** Lets the held replies go, in order, and holds no further ones. */
  release(): void;
}

/** What happens to one publish. */
export type FaultKind = 'refuse' | 'lose-reply' | 'hold-reply' | 'delay';

/** A fault as the publisher meets it. */
export class PlantedFault implements Hold {
  readonly kind: FaultKind;
  readonly delayMs: number;
  readonly #scope: FaultScope;
  readonly #replies: (() => void)[] = [];
  readonly #forget: (fault: PlantedFault) => void;
  hits = 0;

  constructor(
    kind: FaultKind,
    scope: FaultScope & { readonly delayMs?: number },
    forget: (fault: PlantedFault) => void,
  ) {
    this.kind = kind;
    this.delayMs = scope.delayMs ?? 0;
    this.#scope = scope;
    this.#forget = forget;
  }

  hit(place: string, message: OutgoingMessage): boolean {
    if (this.#scope.place !== undefined && this.#scope.place !== place) return false;
    if (this.#scope.matches !== undefined && !this.#scope.matches(message)) return false;
    this.hits += 1;
    if (this.hits >= (this.#scope.count ?? 1)) this.remove();
    return true;
  }

  /** Keeps a reply until `release`. */
  hold(reply: () => void): void {
    this.#replies.push(reply);
  }

  release(): void {
    this.remove();
    for (const reply of this.#replies.splice(0)) reply();
  }

  remove(): void {
    this.#forget(this);
  }
}

/**
 * Misbehaviour of an embedded broker on demand, for tests and simulations. Everything counts what it did; nothing
 * happens by chance.
 */
export class Faults {
  readonly #gate: Gate;
  readonly #planted = new Set<PlantedFault>();

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  /** Publishes are refused: nothing is stored, the ticket ends `failed` with BC_PUBLISH_REFUSED. */
  refuse(scope: FaultScope = {}): Fault {
    return this.#plant('refuse', scope);
  }

  /** Publishes are stored and never answered: the ticket stays open until its deadline, or is sent again after a drop. */
  loseReplies(scope: FaultScope = {}): Fault {
    return this.#plant('lose-reply', scope);
  }

  /** Publishes are stored and answered at `release`. */
  holdReplies(scope: FaultScope = {}): Hold {
    return this.#plant('hold-reply', scope);
  }

  /** Publishes arrive `delayMs` late, in order; later ones of the same client stay behind them. */
  delay(scope: FaultScope & { readonly delayMs: number }): Fault {
    return this.#plant('delay', scope);
  }

  /** Closes the connections of one client, or of all. Returns how many. */
  dropConnections(clientId?: string): number {
    return this.#gate.drop(clientId);
  }

  /** Closes every connection and refuses new ones until `comeUp`; what is stored stays. Returns how many were closed. */
  goDown(): number {
    return this.#gate.shut();
  }

  comeUp(): void {
    this.#gate.open();
  }

  /** Takes no publishes until `unblock`, as under a memory alarm; consumers go on. */
  block(reason = 'memory'): void {
    this.#gate.setBlocked(reason);
  }

  unblock(): void {
    this.#gate.setBlocked(null);
  }

  /** Connects that were refused because the broker was down. */
  get refusedConnects(): number {
    return this.#gate.turnedAway;
  }

  /** How often a client that had something to publish found the broker blocked. */
  get heldBackSends(): number {
    return this.#gate.heldBack;
  }

  /** False keeps the cost of a publish without faults at one look. */
  get isArmed(): boolean {
    return this.#planted.size > 0;
  }

  /** The first planted fault that a publish meets. */
  meet(place: string, message: OutgoingMessage): PlantedFault | null {
    for (const fault of this.#planted) if (fault.hit(place, message)) return fault;
    return null;
  }

  #plant(kind: FaultKind, scope: FaultScope & { readonly delayMs?: number }): PlantedFault {
    const fault = new PlantedFault(kind, scope, (one) => this.#planted.delete(one));
    this.#planted.add(fault);
    return fault;
  }
}
