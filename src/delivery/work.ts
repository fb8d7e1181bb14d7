import type { Delivery } from '../contract/broker.js';
import type { HandlerResult } from '../contract/consumer.js';
import type { InboxCopy } from '../contract/inbox.js';
import type { BrokerName } from '../contract/message.js';
import { newMessageId } from '../messages/ids.js';
import { isThenable } from '../messages/thenable.js';
import { backoffDelayMs, wait } from './backoff.js';
import { Claim } from './claim.js';
import { type Decode, type DecodeResult, identityOf } from './decode.js';
import {
  type Again,
  DONE,
  type Ending,
  INTERRUPTED,
  readBurial,
  readProblem,
  readThrown,
  readVerdict,
} from './ending.js';
import { HandlerRun, type RunOwner } from './handler-run.js';
import { copyOf } from './inbox-copy.js';
import type { InboxGate, Passage } from './inbox-gate.js';
import type { Lane, LaneItem } from './key-lanes.js';
import type { Ended, LettingGo } from './let-go.js';
import type { PipelineOptions } from './pipeline-options.js';
import type { Stint, StintWork } from './stint.js';

/** What all work of one consumer shares. */
export interface WorkScope extends PipelineOptions {
  readonly decode: Decode;
  readonly gate: InboxGate | null;
  readonly lettingGo: LettingGo;
}

/**
 * One delivery on its way: through the inbox and its attempts to its end. A handler that succeeds the first time passes
 * without a promise of ours; everything else goes on in async functions.
 */
export class Work implements StintWork, Ended, RunOwner {
  readonly key: string | null;
  lane: Lane | null = null;
  next: LaneItem | null = null;
  sequence = 0;
  readonly delivery: Delivery;
  readonly broker: BrokerName;
  copy: InboxCopy = NO_COPY;
  claim: Claim | null = null;
  readonly #scope: WorkScope;
  readonly #stint: Stint;
  /** Waits for the end of a later attempt. */
  #onAttempt: ((result: Ending | Again) => void) | null = null;

  constructor(scope: WorkScope, stint: Stint, what: { delivery: Delivery; broker: BrokerName }) {
    this.#scope = scope;
    this.#stint = stint;
    this.delivery = what.delivery;
    this.broker = what.broker;
    this.key = scope.consumer.ordering === 'key' ? what.delivery.message.key : null;
  }

  get isOver(): boolean {
    return this.#stint.isOver || this.delivery.source.isLost;
  }

  get signal(): AbortSignal {
    return this.#stint.signal;
  }

  start(): void {
    try {
      if (this.isOver) this.#leave();
      else this.#begin();
    } catch (error) {
      this.#failInside(error);
    }
  }

  #begin(): void {
    const { message } = this.delivery;
    const { gate, clock } = this.#scope;
    const own = identityOf(message);
    this.copy = copyOf(message, own ?? newMessageId(clock.epochMs()));
    if (gate === null || own === null) {
      this.#attempt(this.copy.attempt);
      return;
    }
    this.claim = new Claim(gate, this.copy, this);
    const passage = this.claim.take();
    if (passage === 'claimed') this.#attempt(this.copy.attempt);
    else if (passage === 'settled') this.#settleAndLeave();
    else this.#goOn(this.#pass(passage));
  }

  async #pass(waited: Passage | Promise<Passage>): Promise<void> {
    const { lettingGo } = this.#scope;
    const passage = await waited;
    if (passage === 'settled') return this.delivery.settle();
    if (passage === 'burying') return lettingGo.finishBurial(this, readBurial(this.copy.attempt));
    if (passage === 'lost') return;
    // What was lost while it waited is not started.
    const first = this.isOver ? INTERRUPTED : await this.#attemptLater(this.copy.attempt);
    await lettingGo.end(this, await this.#attempts(first));
  }

  /** Decodes and runs the handler; every way ends in `#attempted`. */
  #attempt(attempt: number): void {
    let decoded: DecodeResult | Promise<DecodeResult>;
    try {
      decoded = this.#scope.decode(this.delivery.message, this.copy.id);
    } catch (error) {
      this.#attempted(readThrown(error)); // a schema that threw
      return;
    }
    if (isThenable<DecodeResult>(decoded)) this.#runLater(decoded, attempt);
    else this.#run(decoded, attempt);
  }

  #runLater(decoding: PromiseLike<DecodeResult>, attempt: number): void {
    Promise.resolve(decoding)
      .then(
        (result) => (this.isOver ? this.#attempted(INTERRUPTED) : this.#run(result, attempt)),
        (error: unknown) => this.#attempted(readThrown(error)),
      )
      .catch((error: unknown) => this.#failInside(error));
  }

  #attemptLater(attempt: number): Promise<Ending | Again> {
    return new Promise((resolve) => {
      this.#onAttempt = resolve;
      this.#attempt(attempt);
    });
  }

  #run(decoded: DecodeResult, attempt: number): void {
    const scope = this.#scope;
    if ('problem' in decoded) {
      this.#attempted(readProblem(decoded.problem, attempt, scope.consumer.invalid));
      return;
    }
    const run = new HandlerRun(scope, this, { messageId: this.copy.id, attempt, broker: this.broker });
    run.start(decoded.message, this.#stint.running);
  }

  runReturned(run: HandlerRun, result: HandlerResult): void {
    this.#attempted(result === undefined ? DONE : readVerdict(result, run.attempt));
  }

  runThrew(_: HandlerRun, error: unknown): void {
    // Cancelled by us it is not a failure of the handler.
    this.#attempted(this.#stint.isOver ? INTERRUPTED : readThrown(error));
  }

  #attempted(result: Ending | Again): void {
    const onAttempt = this.#onAttempt;
    if (onAttempt !== null) {
      this.#onAttempt = null;
      onAttempt(result);
      return;
    }
    try {
      if (result === DONE) this.#done();
      else this.#goOn(this.#finish(result));
    } catch (error) {
      this.#failInside(error);
    }
  }

  #done(): void {
    const isMarked = this.claim === null || this.claim.mark('markDone');
    if (isMarked === true) this.#settleAndLeave();
    else this.#goOn(this.#endMarked(isMarked));
  }

  async #endMarked(marking: boolean | Promise<boolean>): Promise<void> {
    const { lettingGo } = this.#scope;
    if (await marking) lettingGo.settle(this, DONE);
    else await lettingGo.lookAgain(this, DONE);
  }

  async #finish(first: Ending | Again): Promise<void> {
    await this.#scope.lettingGo.end(this, await this.#attempts(first));
  }

  /** Attempts until one ends it; only the lane of its key waits. */
  async #attempts(first: Ending | Again): Promise<Ending> {
    const { consumer, clock, random, emit } = this.#scope;
    const { id } = this.copy;
    let result = first;
    for (let run = 1; result.kind === 'again'; run += 1) {
      const { error, isRetriable, afterMs } = result;
      const attempt = this.copy.attempt + run - 1;
      const willRetry = isRetriable && run < consumer.retry.attempts;
      emit('attempt-failed', { consumer: consumer.name, id, attempt, willRetry, error });
      if (!willRetry)
        return { kind: 'failed', reason: isRetriable ? 'attempts' : 'rejected', error, attempt };
      await wait(clock, afterMs ?? backoffDelayMs(consumer.retry.backoff, run, random), this.signal);
      result = this.isOver ? INTERRUPTED : await this.#attemptLater(attempt + 1);
    }
    return result;
  }

  #settleAndLeave(): void {
    this.#scope.lettingGo.settle(this, DONE);
    this.#leave();
  }

  #leave(): void {
    this.#stint.letPass(this);
  }

  #goOn(rest: Promise<void>): void {
    rest.then(
      () => this.#leave(),
      (error: unknown) => this.#failInside(error),
    );
  }

  /** A defect of ours must not take the process along; the message stays unsettled and comes back. */
  #failInside(error: unknown): void {
    const { consumer, logger } = this.#scope;
    try {
      const fields = { err: error, consumer: consumer.name, id: this.copy.id };
      logger.error(fields, 'delivery failed inside the bus; the message is kept');
    } catch {
      // Nobody is left to be told.
    }
    this.#leave();
  }
}

const NO_COPY: InboxCopy = Object.freeze({ id: '', generation: 0, attempt: 1 });
