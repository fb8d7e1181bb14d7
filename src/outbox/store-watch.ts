import type { Clock } from '../contract/clock.js';
import { BuscouplerError, describeError } from '../contract/errors.js';
import type { EmitEvent } from '../contract/events.js';
import type { Awaitable } from '../contract/inbox.js';

/** Asks the store, and tells when it stops answering and when it answers again. */
export class StoreWatch {
  readonly #clock: Clock;
  readonly #emit: EmitEvent;
  #lostAtMs = 0;
  #reason: string | null = null;

  constructor(clock: Clock, emit: EmitEvent) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** Why the store does not answer; `null`: it does. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Rejects with BC_OUTBOX_UNAVAILABLE when it fails. */
  async ask<Answer>(question: () => Awaitable<Answer>): Promise<Answer> {
    try {
      const answer = await question();
      this.#answered();
      return answer;
    } catch (cause) {
      const what = `The outbox cannot be read or written (${describeError(cause)}).`;
      throw this.#lost(
        cause instanceof BuscouplerError
          ? cause
          : new BuscouplerError('BC_OUTBOX_UNAVAILABLE', what, { cause }),
      );
    }
  }

  #answered(): void {
    if (this.#reason === null) return;
    this.#reason = null;
    this.#emit('outbox-recovered', { afterMs: this.#clock.monotonicMs() - this.#lostAtMs });
  }

  #lost(error: BuscouplerError): BuscouplerError {
    if (this.#reason === null) {
      this.#lostAtMs = this.#clock.monotonicMs();
      this.#emit('outbox-lost', { error });
    }
    this.#reason = error.message;
    return error;
  }
}
