import type { Delivery, Publisher } from '../contract/broker.js';
import type { Clock, Random } from '../contract/clock.js';
import type { AnyConsumer, HandlerResult } from '../contract/consumer.js';
import { BuscouplerError, describeError } from '../contract/errors.js';
import type { EmitEvent } from '../contract/events.js';
import type { Inbox, InboxCopy } from '../contract/inbox.js';
import type { Logger } from '../contract/logger.js';
import type { BrokerName, OutgoingMessage } from '../contract/message.js';
import type { DeadLetterReason, Failure } from '../dead-letters/failure.js';
import { HEADERS } from '../messages/header-names.js';
import { readInteger } from '../messages/headers.js';
import { newMessageId } from '../messages/ids.js';
import { backoffDelayMs, wait } from './backoff.js';
import { storeDeadLetter } from './dead-letter-writer.js';
import { createDecoder, type Decode, identityOf } from './decode.js';
import { HandlerRun, RunningHandlers } from './handler-run.js';
import { InboxGate } from './inbox-gate.js';
import { KeyLanes } from './key-lanes.js';
import type { TicketBook } from './publish-ticket.js';

/** What the pipeline of one consumer is made of. */
export interface PipelineOptions {
  readonly consumer: AnyConsumer;
  /** `null`: every delivery is run. */
  readonly inbox: Inbox | null;
  readonly deadLetterOf: (delivery: Delivery, id: string, failure: Failure) => OutgoingMessage;
  readonly deadLetterPublisher: (broker: BrokerName) => Publisher;
  readonly deadLetterPlace: (broker: BrokerName) => string;
  readonly book: TicketBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly emit: EmitEvent;
}

/** One delivery on its way through the pipeline. */
interface Work {
  readonly delivery: Delivery;
  readonly broker: BrokerName;
}

/** How the attempts at one message ended. `interrupted`: the consumer was stopped; nothing is settled. */
type Ending =
  | { readonly kind: 'done' }
  | { readonly kind: 'drop'; readonly reason: string }
  | { readonly kind: 'interrupted' }
  | {
      readonly kind: 'failed';
      readonly reason: DeadLetterReason;
      readonly error: unknown;
      readonly attempt: number;
    };

const DONE: Ending = { kind: 'done' };
const INTERRUPTED: Ending = { kind: 'interrupted' };

/**
 * What happens around the handler of one consumer, the same for both of its legs: lanes, inbox, decoding, attempts, dead
 * letter, settlement. A delivery is let go of only after its effect or its dead letter is in.
 */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #lanes: KeyLanes<Work>;
  readonly #decode: Decode;
  readonly #running: RunningHandlers;
  readonly #gate: InboxGate | null;
  readonly #isKeyed: boolean;
  readonly #held: Record<BrokerName, number> = { kafka: 0, rabbitmq: 0 };
  #idleWaiters: { readonly broker: BrokerName; readonly resolve: () => void }[] = [];
  #stopped = new AbortController();

  constructor(options: PipelineOptions) {
    const { consumer, clock, inbox, emit } = options;
    this.#options = options;
    this.#decode = createDecoder(consumer);
    this.#running = new RunningHandlers(clock);
    this.#isKeyed = consumer.ordering === 'key';
    this.#lanes = new KeyLanes(consumer.concurrency, (work) => this.#process(work));
    const onAvailability = (error: unknown): void => {
      if (error === null) emit('consumer-resumed', { consumer: consumer.name });
      else {
        const reason = `The inbox does not answer (${describeError(error)}).`;
        emit('consumer-paused', { consumer: consumer.name, reason });
      }
    };
    const signal = (): AbortSignal => this.#stopped.signal;
    this.#gate =
      inbox === null || !consumer.inbox
        ? null
        : new InboxGate(
            { inbox, consumer: consumer.name, clock, signal, onAvailability },
            newMessageId(clock.epochMs()),
          );
  }

  /** Running handlers. */
  get inFlight(): number {
    return this.#lanes.running;
  }

  setConcurrency(concurrency: number): void {
    this.#lanes.setConcurrency(concurrency);
  }

  /** Takes one delivery; never throws. */
  accept(delivery: Delivery, broker: BrokerName): void {
    this.#held[broker] += 1;
    this.#lanes.push(this.#isKeyed ? delivery.message.key : null, { delivery, broker });
  }

  /** Deliveries of a broker that run or wait. */
  held(broker: BrokerName): number {
    return this.#held[broker];
  }

  /** Resolves when no delivery of the broker runs or waits. */
  idle(broker: BrokerName): Promise<void> {
    if (this.#held[broker] === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push({ broker, resolve }));
  }

  #letPass(broker: BrokerName): void {
    this.#held[broker] -= 1;
    if (this.#held[broker] > 0 || this.#idleWaiters.length === 0) return;
    const waiters = this.#idleWaiters.filter((one) => one.broker === broker);
    this.#idleWaiters = this.#idleWaiters.filter((one) => one.broker !== broker);
    for (const { resolve } of waiters) resolve();
  }

  /** Aborts running handlers and drops what waits; nothing of it is settled. Returns when the lanes are empty. */
  async interrupt(): Promise<void> {
    this.#stopped.abort();
    const { name } = this.#options.consumer;
    this.#running.interruptAll(new BuscouplerError('BC_LIFECYCLE', `The consumer "${name}" was stopped.`));
    await this.#lanes.idle();
    this.#stopped = new AbortController();
  }

  async #process(work: Work): Promise<void> {
    try {
      await this.#take(work);
    } catch (error) {
      // A defect of ours must not take the process along; the message stays unsettled and comes back.
      const { consumer, logger } = this.#options;
      logger.error(
        { err: error, consumer: consumer.name },
        'delivery failed inside the bus; the message is kept',
      );
    } finally {
      this.#letPass(work.broker);
    }
  }

  async #take({ delivery, broker }: Work): Promise<void> {
    if (delivery.source.isLost || this.#stopped.signal.aborted) return;
    const { message } = delivery;
    const identity = identityOf(message, this.#options.clock.epochMs());
    const copy: InboxCopy = {
      id: identity.id,
      generation: readInteger(message.headers, HEADERS.replayCount, { min: 0, fallback: 0 }),
      attempt: readInteger(message.headers, HEADERS.attempt, { min: 1, fallback: 1 }),
    };
    if (this.#gate === null || !identity.isOwn) {
      const ending = await this.#attempt(delivery, broker, copy);
      if (ending.kind !== 'failed' || (await this.#bury(delivery, broker, copy, ending)))
        this.#letGo(delivery, ending, copy);
      return;
    }
    await this.#takeThroughInbox(this.#gate, { delivery, broker }, copy);
  }

  async #takeThroughInbox(gate: InboxGate, { delivery, broker }: Work, copy: InboxCopy): Promise<void> {
    const token = gate.newToken();
    const isLost = (): boolean => delivery.source.isLost;
    const passage = await gate.claim(copy, token, isLost);
    if (passage === 'lost') return;
    if (passage === 'settled') return delivery.settle();
    const ending = passage === 'burying' ? POISON : await this.#attempt(delivery, broker, copy);
    if (ending.kind === 'interrupted') {
      await gate.mark('release', copy, token, () => false);
      return;
    }
    if (ending.kind !== 'failed') {
      await gate.mark('markDone', copy, token, isLost);
      return this.#letGo(delivery, ending, copy);
    }
    if (passage !== 'burying' && !(await gate.mark('markBurying', copy, token, isLost))) return;
    if (!(await this.#bury(delivery, broker, copy, ending))) {
      await gate.mark('release', copy, token, () => false); // whoever gets it next stores the letter
      return;
    }
    await gate.mark('markDead', copy, token, isLost);
    delivery.settle();
  }

  #letGo(delivery: Delivery, ending: Ending, copy: InboxCopy): void {
    if (ending.kind === 'interrupted') return;
    const { emit, consumer, logger } = this.#options;
    if (ending.kind === 'drop')
      emit('dropped', { consumer: consumer.name, id: copy.id, reason: ending.reason });
    else if (logger.isLevelEnabled('debug'))
      logger.debug({ consumer: consumer.name, id: copy.id }, 'handled');
    delivery.settle();
  }

  async #attempt(delivery: Delivery, broker: BrokerName, copy: InboxCopy): Promise<Ending> {
    const { consumer, clock, random } = this.#options;
    for (let run = 1; ; run += 1) {
      const attempt = copy.attempt + run - 1;
      const ending = await this.#runOnce(delivery, broker, { ...copy, attempt });
      if (ending.kind !== 'again') return ending;
      const willRetry = run < consumer.retry.attempts && ending.isRetriable;
      this.#options.emit('attempt-failed', {
        consumer: consumer.name,
        id: copy.id,
        attempt,
        willRetry,
        error: ending.error,
      });
      if (!willRetry) {
        return {
          kind: 'failed',
          reason: ending.isRetriable ? 'attempts' : 'rejected',
          error: ending.error,
          attempt,
        };
      }
      await wait(
        clock,
        ending.afterMs ?? backoffDelayMs(consumer.retry.backoff, run, random),
        this.#stopped.signal,
      );
      if (delivery.source.isLost || this.#stopped.signal.aborted) return INTERRUPTED;
    }
  }

  async #runOnce(delivery: Delivery, broker: BrokerName, copy: InboxCopy): Promise<Ending | Again> {
    const { consumer } = this.#options;
    const decoded = this.#decode(delivery.message, copy.id);
    const result = decoded instanceof Promise ? await decoded : decoded;
    if ('problem' in result) {
      if (consumer.invalid === 'drop') return { kind: 'drop', reason: result.problem };
      const error = new BuscouplerError('BC_MESSAGE_INVALID', `The message is invalid: ${result.problem}.`);
      return { kind: 'failed', reason: 'invalid', error, attempt: copy.attempt };
    }
    const run = new HandlerRun(this.#options, { messageId: copy.id, attempt: copy.attempt, broker });
    this.#running.add(run);
    try {
      const returned = run.run(result.message);
      return readVerdict(returned instanceof Promise ? await returned : returned, copy.attempt);
    } catch (error) {
      if (this.#stopped.signal.aborted) return INTERRUPTED; // cancelled by us: not a failure of the handler
      return { kind: 'again', error, isRetriable: isRetriable(error), afterMs: null };
    } finally {
      this.#running.delete(run);
    }
  }

  async #bury(
    delivery: Delivery,
    broker: BrokerName,
    copy: InboxCopy,
    ending: Extract<Ending, { kind: 'failed' }>,
  ): Promise<boolean> {
    const { consumer, clock, emit } = this.#options;
    const failure: Failure = { ...ending, consumer: consumer.name, failedAtMs: clock.epochMs() };
    const letter = this.#options.deadLetterOf(delivery, copy.id, failure);
    const isStored = await storeDeadLetter(delivery, letter, {
      ...this.#options,
      publisher: this.#options.deadLetterPublisher(broker),
      signal: this.#stopped.signal,
      onFailure: (error) =>
        emit('dead-letter-failed', { consumer: consumer.name, id: copy.id, broker, error }),
    });
    if (isStored) {
      const place = this.#options.deadLetterPlace(broker);
      emit('dead-lettered', { consumer: consumer.name, id: copy.id, broker, reason: ending.reason, place });
    }
    return isStored;
  }
}

/** A run that failed for now. */
interface Again {
  readonly kind: 'again';
  readonly error: unknown;
  readonly isRetriable: boolean;
  /** `null`: the backoff decides. */
  readonly afterMs: number | null;
}

/** The end of a message whose burial someone else began: only the letter is missing. */
const POISON: Extract<Ending, { kind: 'failed' }> = {
  kind: 'failed',
  reason: 'attempts',
  error: new BuscouplerError(
    'BC_HANDLER_FAILED',
    'An earlier owner gave the message up before its letter was stored.',
  ),
  attempt: 1,
};

function readVerdict(verdict: HandlerResult, attempt: number): Ending | Again {
  if (verdict === undefined || verdict === null || typeof verdict !== 'object') return DONE;
  if (verdict.kind === 'drop') return { kind: 'drop', reason: verdict.reason };
  if (verdict.kind === 'dead-letter') {
    const error = new BuscouplerError(
      'BC_HANDLER_FAILED',
      `The handler gave the message up: ${verdict.reason}.`,
    );
    return { kind: 'failed', reason: 'rejected', error, attempt };
  }
  if (verdict.kind === 'retry') {
    const error = new BuscouplerError('BC_HANDLER_FAILED', 'The handler asked to be run again.');
    return { kind: 'again', error, isRetriable: true, afterMs: verdict.afterMs };
  }
  return DONE;
}

/** `retriable: false` on an error is honoured; everything else may succeed next time. */
function isRetriable(error: unknown): boolean {
  try {
    return (error as { retriable?: unknown } | null | undefined)?.retriable !== false;
  } catch {
    return true;
  }
}
