import type { BrokerHealth } from '../../contract/broker.js';
import type { Clock } from '../../contract/clock.js';
import type { BuscouplerError } from '../../contract/errors.js';
import type { EmitEvent } from '../../contract/events.js';

/**
 * Whether the broker answers, as the sending side sees it. Loss and recovery are told once each, however many requests
 * fail in between.
 */
export class ConnectionState {
  readonly #clock: Clock;
  readonly #emit: EmitEvent;
  #state: BrokerHealth['state'] = 'idle';
  #lostAtMs: number | null = null;
  #reason: string | undefined;

  constructor(clock: Clock, emit: EmitEvent) {
    this.#clock = clock;
    this.#emit = emit;
  }

  get state(): BrokerHealth['state'] {
    return this.#state;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  connecting(): void {
    if (this.#state === 'idle') this.#state = 'connecting';
  }

  up(): void {
    if (this.#state === 'up' || this.#state === 'closed') return;
    this.#state = 'up';
    this.#reason = undefined;
    if (this.#lostAtMs === null) return;
    const afterMs = Math.round(this.#clock.monotonicMs() - this.#lostAtMs);
    this.#lostAtMs = null;
    this.#emit('broker-recovered', { broker: 'kafka', afterMs });
  }

  down(error: BuscouplerError): void {
    if (this.#state === 'closed') return;
    this.#reason = error.message;
    const wasUp = this.#state === 'up';
    if (wasUp) this.#state = 'down';
    if (!wasUp || this.#lostAtMs !== null) return;
    this.#lostAtMs = this.#clock.monotonicMs();
    this.#emit('broker-lost', { broker: 'kafka', error });
  }

  closed(): void {
    this.#state = 'closed';
  }
}
