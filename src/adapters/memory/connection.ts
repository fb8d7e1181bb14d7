import type { BrokerHealth } from '../../contract/broker.js';
import type { Clock, Random, Timer } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { EmitEvent } from '../../contract/events.js';
import type { BrokerName } from '../../contract/message.js';
import type { Gate, Visitor } from './gate.js';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 5_000;

/** What a client does when its connection changes. */
export interface ConnectionListener {
  connectionUp(): void;
  connectionLost(): void;
  unblocked(): void;
}

/** What a connection is made of. */
export interface ConnectionParts {
  readonly clientId: string;
  readonly broker: BrokerName;
  readonly address: string;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: EmitEvent;
}

/** A client's connection to an embedded broker. Once made it recovers by itself, with backoff, until it is closed. */
export class Connection implements Visitor {
  readonly clientId: string;
  readonly #parts: ConnectionParts;
  readonly #listener: ConnectionListener;
  #state: Exclude<BrokerHealth['state'], 'degraded'> = 'idle';
  #lastError: BuscouplerError | null = null;
  #blockedReason: string | null = null;
  #retry: Timer | null = null;
  #endPause: (() => void) | null = null;
  #lostAtMs = 0;
  /** Hot path: every publish asks. */
  isUp = false;

  constructor(parts: ConnectionParts, listener: ConnectionListener) {
    this.clientId = parts.clientId;
    this.#parts = parts;
    this.#listener = listener;
  }

  get state(): BrokerHealth['state'] {
    return this.isUp && this.#blockedReason !== null ? 'degraded' : this.#state;
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Why it is not up, or why it is degraded. */
  get reason(): string | undefined {
    if (this.isUp) return this.#blockedReason ?? undefined;
    return this.#lastError?.message;
  }

  /** As {@link BrokerPort.connect}. */
  async connect(signal: AbortSignal): Promise<void> {
    const { broker, address, emit } = this.#parts;
    if (this.isUp || this.isClosed) return;
    this.#state = 'connecting';
    emit('broker-connecting', { broker, address });
    for (let tries = 0; !this.#tryEnter(); tries += 1) {
      if (tries === 0) emit('broker-lost', { broker, error: this.#failure() });
      await this.#pause(tries, signal);
    }
    if (this.isClosed) throw new BuscouplerError('BC_LIFECYCLE', 'The broker was closed while it connected.');
    emit('broker-connected', { broker, role: 'publisher' });
    this.#listener.connectionUp();
  }

  close(): void {
    this.#retry?.cancel();
    this.#parts.gate.leave(this);
    this.#state = 'closed';
    this.isUp = false;
    this.#endPause?.();
  }

  lose(error: BuscouplerError): void {
    if (!this.isUp) return;
    const { broker, clock, emit } = this.#parts;
    this.isUp = false;
    this.#state = 'down';
    this.#lastError = error;
    this.#lostAtMs = clock.monotonicMs();
    emit('broker-lost', { broker, error });
    this.#listener.connectionLost();
    this.#reconnect(0);
  }

  blockChanged(reason: string | null): void {
    if (reason === this.#blockedReason) return;
    const { broker, emit } = this.#parts;
    this.#blockedReason = reason;
    if (reason !== null) {
      emit('broker-blocked', { broker, reason });
    } else {
      emit('broker-unblocked', { broker });
      this.#listener.unblocked();
    }
  }

  /** True also once closed: then there is nothing left to try. */
  #tryEnter(): boolean {
    if (this.isClosed) return true;
    try {
      this.#parts.gate.enter(this);
    } catch (error) {
      this.#lastError = error as BuscouplerError;
      return false;
    }
    this.#state = 'up';
    this.isUp = true;
    this.#lastError = null;
    this.blockChanged(this.#parts.gate.blockedReason);
    return true;
  }

  #reconnect(tries: number): void {
    const { broker, clock, emit } = this.#parts;
    this.#retry = clock.schedule(() => {
      if (!this.#tryEnter()) return this.#reconnect(tries + 1);
      if (this.isClosed) return;
      emit('broker-recovered', { broker, afterMs: clock.monotonicMs() - this.#lostAtMs });
      this.#listener.connectionUp();
    }, this.#retryMs(tries));
  }

  #retryMs(tries: number): number {
    const delayMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(tries, 10));
    return delayMs * (1 - 0.2 * this.#parts.random());
  }

  #failure(): BuscouplerError {
    return this.#lastError ?? new BuscouplerError('BC_BROKER_UNAVAILABLE', 'Connecting was given up.');
  }

  /** Waits before the next try; rejects with the last failure when the signal aborts. */
  async #pause(tries: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#parts.clock.schedule(resolve, this.#retryMs(tries), { keepAlive: true });
      this.#endPause = () => {
        timer.cancel();
        resolve();
      };
      if (signal.aborted) this.#endPause();
      else signal.addEventListener('abort', this.#endPause, { once: true });
    });
    if (this.#endPause !== null) signal.removeEventListener('abort', this.#endPause);
    this.#endPause = null;
    if (!signal.aborted || this.isClosed) return;
    this.#state = 'down';
    throw this.#failure();
  }
}
