import type { Delivery } from '../contract/broker.js';
import { type BuscouplerError, describeError } from '../contract/errors.js';
import type { BrokerName } from '../contract/message.js';
import { newMessageId } from '../messages/ids.js';
import { wait } from './backoff.js';
import { createDecoder } from './decode.js';
import { InboxGate } from './inbox-gate.js';
import { LettingGo } from './let-go.js';
import type { PipelineOptions } from './pipeline-options.js';
import { Stint } from './stint.js';
import { Work, type WorkScope } from './work.js';

/** Longest wait for handlers and stores to notice that they were interrupted, ms. */
const INTERRUPT_GRACE_MS = 1_000;

/** Why a consumer that probes takes no other messages. */
const PROBES = 'Everything fails; one message at a time is tried until one succeeds.';

/**
 * What happens around the handler of one consumer, the same for both of its legs: lanes, inbox, decoding, attempts, dead
 * letter, settlement. A delivery is let go of only after its effect or its dead letter is in.
 */
export class Pipeline {
  readonly #scope: WorkScope;
  #concurrency: number;
  #stint: Stint;
  #inboxTrouble: string | null = null;
  #isProbing = false;
  /** Why copies are held back, until the consumer starts anew. */
  #held: string | null = null;
  #onTrouble = (): void => undefined;

  constructor(options: PipelineOptions) {
    const { consumer } = options;
    this.#scope = {
      ...options,
      decode: createDecoder(consumer),
      gate: this.#createGate(options),
      lettingGo: new LettingGo(options),
      onHeld: (why) => this.#hold(why),
    };
    this.#concurrency = consumer.concurrency;
    this.#stint = this.#createStint();
  }

  #createGate({ consumer, inbox, clock, emit }: PipelineOptions): InboxGate | null {
    if (inbox === null || !consumer.inbox) return null;
    const onAvailability = (error: unknown): void => {
      this.#inboxTrouble = error === null ? null : `The inbox does not answer (${describeError(error)}).`;
      if (this.#inboxTrouble === null) emit('consumer-resumed', { consumer: consumer.name });
      else emit('consumer-paused', { consumer: consumer.name, reason: this.#inboxTrouble });
      this.#onTrouble();
    };
    const tokenPrefix = newMessageId(clock.epochMs());
    return new InboxGate({ inbox, consumer: consumer.name, clock, tokenPrefix, onAvailability });
  }

  #createStint(): Stint {
    const { consumer, clock, random, emit } = this.#scope;
    const onProbing = (isProbing: boolean): void => {
      this.#isProbing = isProbing;
      if (isProbing) emit('consumer-paused', { consumer: consumer.name, reason: PROBES });
      else emit('consumer-resumed', { consumer: consumer.name });
      this.#onTrouble();
    };
    return new Stint({ consumer: consumer.name, concurrency: this.#concurrency, clock, random, onProbing });
  }

  /** Running handlers. */
  get inFlight(): number {
    return this.#stint.lanes.running;
  }

  /** True if each delivery waits for answers of an inbox that is asked for many at a time. */
  get isAskedInBulk(): boolean {
    return this.#scope.gate?.isBulk ?? false;
  }

  /** Why nothing gets through at the moment; `null` if everything does. */
  get trouble(): string | null {
    return this.#inboxTrouble ?? (this.#isProbing ? PROBES : null) ?? this.#held;
  }

  #hold(why: BuscouplerError): void {
    if (this.#held !== null) return;
    this.#held = why.message;
    const { consumer, emit } = this.#scope;
    emit('consumer-paused', { consumer: consumer.name, reason: why.message });
    this.#onTrouble();
  }

  /** Calls the listener, which replaces the one before, whenever `trouble` may have changed. */
  watchTrouble(listener: () => void): void {
    this.#onTrouble = listener;
  }

  setConcurrency(concurrency: number): void {
    this.#concurrency = concurrency;
    this.#stint.lanes.setConcurrency(concurrency);
  }

  /** Takes one delivery; never throws. */
  accept(delivery: Delivery, broker: BrokerName): void {
    this.#stint.take(new Work(this.#scope, this.#stint, { delivery, broker }));
  }

  /** Deliveries of a broker that run or wait. */
  held(broker: BrokerName): number {
    return this.#stint.held(broker);
  }

  /** Resolves when no delivery of the broker runs or waits. */
  idle(broker: BrokerName): Promise<void> {
    return this.#stint.idle(broker);
  }

  /**
   * Aborts running handlers and drops what waits; nothing of it is settled. Returns when all of it ended, or after a
   * second: what does not end then (a store that never answers) can settle nothing any more once its leg has left.
   */
  async interrupt(): Promise<void> {
    const ended = this.#stint;
    this.#held = null;
    this.#stint = this.#createStint();
    ended.end();
    const over = new AbortController();
    await Promise.race([ended.lanes.idle(), wait(this.#scope.clock, INTERRUPT_GRACE_MS, over.signal)]);
    over.abort();
  }
}
