import type { Delivery } from '../contract/broker.js';
import type { HandlerResult } from '../contract/consumer.js';
import { wantsTransaction } from '../contract/define-consumer.js';
import type { BuscouplerError } from '../contract/errors.js';
import type { InboxCopy } from '../contract/inbox.js';
import type { BrokerName, Message } from '../contract/message.js';
import { HEADERS } from '../messages/header-names.js';
import { readTimeMs } from '../messages/headers.js';
import { isThenable } from '../messages/thenable.js';
import { type AdmissionScope, type Arrival, admit, copyAhead } from './admission.js';
import { wait } from './backoff.js';
import { BulkEntry, type Entrant } from './bulk-entry.js';
import { Claim } from './claim.js';
import type { Decode, DecodeResult } from './decode.js';
import { isDuplicateEffect } from './duplicate-effect.js';
import {
  type Again,
  ASIDE,
  DONE,
  type Ending,
  INTERRUPTED,
  readExpired,
  readOutside,
  readProblem,
  readThrown,
  readVerdict,
} from './ending.js';
import { HandlerRun, type RunFacts, type RunOwner } from './handler-run.js';
import { NO_COPY } from './inbox-copy.js';
import type { Passage } from './inbox-gate.js';
import type { Lane, LaneItem } from './key-lanes.js';
import { afterFailure, planNextAttempt } from './next-attempt.js';
import { readFirstFailure } from './retry-plan.js';
import type { Stint } from './stint.js';
import { runInTransaction } from './transacted-run.js';

/** What all work of one consumer shares. */
export interface WorkScope extends AdmissionScope {
  readonly decode: Decode;
}

/**
 * One delivery on its way: through the inbox and its attempts to its end. A handler that succeeds the first time passes
 * without a promise of ours; everything else goes on in async functions.
 */
export class Work implements Arrival, Entrant, RunOwner {
  readonly key: string | null;
  lane: Lane | null = null;
  next: LaneItem | null = null;
  sequence = 0;
  hasPlace = false;
  readonly delivery: Delivery;
  readonly broker: BrokerName;
  copy: InboxCopy = NO_COPY;
  claim: Claim | null = null;
  outside: BuscouplerError | null = null;
  /** Past it the handler is not run, ms since the epoch; `null`: never. */
  readonly #expiresAtMs: number | null;
  /** Ms since the epoch; `null`: it has not failed in our hands. */
  #firstFailedAtMs: number | null = null;
  /** Which of the inline attempts of this copy it has come to. */
  #run = 1;
  /** It ended for now, and waits for its turn. */
  #isAside = false;
  /** Its last attempt failed, and counts for nothing. */
  #isNoFailure = false;
  /** `null`: it has no inbox that is asked in bulk, or its turn has not come near. */
  #entry: BulkEntry | null = null;
  readonly #scope: WorkScope;
  readonly #stint: Stint;
  /** Waits for the end of a later attempt. */
  #onAttempt: ((result: Ending | Again) => void) | null = null;

  constructor(scope: WorkScope, stint: Stint, what: { delivery: Delivery; broker: BrokerName }) {
    this.#scope = scope;
    this.#stint = stint;
    this.delivery = what.delivery;
    this.broker = what.broker;
    const { key, headers } = what.delivery.message;
    this.key = scope.consumer.ordering === 'key' ? key : null;
    this.#expiresAtMs = readTimeMs(headers, HEADERS.expiresAt);
  }

  get isOver(): boolean {
    return this.#stint.isOver || this.delivery.source.isLost;
  }

  get failedAtMs(): number | null {
    const own = this.#firstFailedAtMs ?? readTimeMs(this.delivery.message.headers, HEADERS.firstFailedAt);
    return own ?? this.lane?.failingSinceMs ?? null;
  }

  get signal(): AbortSignal {
    return this.#stint.signal;
  }

  start(): void {
    try {
      if (this.#entry?.takeTurn() === true) return;
      if (this.isOver) this.#leave();
      else if (this.#stint.massFailure.holds(this)) this.#stint.setAside(this);
      else admit(this.#scope, this);
    } catch (error) {
      this.failInside(error);
    }
  }

  /** Passes the inbox, unless there is none or the message has no identity. */
  enter(hasIdentity: boolean): void {
    const { gate } = this.#scope;
    if (gate === null || !hasIdentity) {
      this.#attempt();
      return;
    }
    if (gate.isBulk) {
      this.#entry ??= new BulkEntry(gate, this.#stint, this);
      this.#entry.ask();
      return;
    }
    this.claim = new Claim(gate, this.copy, this);
    const passage = this.claim.take();
    if (passage === 'claimed') this.#attempt();
    else if (passage === 'settled') this.#settleAndLeave();
    else this.goOn(this.#pass(passage));
  }

  /** Asks for its claim while the one before it of its key runs, unless there is something else to look at in its turn. */
  prepare(): void {
    const { gate } = this.#scope;
    if (gate === null || this.#entry !== null || this.isOver) return;
    const copy = copyAhead(this.#scope, this.delivery.message);
    if (copy === null) return;
    this.copy = copy;
    this.#entry = new BulkEntry(gate, this.#stint, this);
    this.#entry.askBehind();
  }

  runClaimed(): void {
    this.#stint.prepareNext(this);
    if (this.isOver) this.#attempted(INTERRUPTED);
    else this.#attempt();
  }

  passWith(passage: Passage): void {
    this.goOn(this.#pass(passage));
  }

  async #pass(waited: Passage | Promise<Passage>): Promise<void> {
    const { lettingGo } = this.#scope;
    const passage = await waited;
    if (passage === 'settled') return this.delivery.settle();
    if (passage === 'lost') return;
    if (passage !== 'claimed') return lettingGo.finishBurial(this, lettingGo.readBuried(this, passage));
    // What was lost while it waited is not started.
    const first = this.isOver ? INTERRUPTED : await this.#attemptLater();
    await this.#end(await this.#attempts(first));
  }

  /** Which run of its handler the message has come to, over all copies. */
  get #attemptNumber(): number {
    return (this.copy.attempt - 1) * this.#scope.consumer.retry.attempts + this.#run;
  }

  /** Decodes and runs the handler; every way ends in `#attempted`. */
  #attempt(): void {
    if (this.outside !== null) {
      this.#attempted(readOutside(this.outside, this.#attemptNumber));
      return;
    }
    if (this.#stint.massFailure.holds(this)) {
      this.#attempted(ASIDE);
      return;
    }
    const expiresAtMs = this.#expiresAtMs;
    if (expiresAtMs !== null && this.#scope.clock.epochMs() >= expiresAtMs) {
      this.#attempted(readExpired(expiresAtMs, this.#attemptNumber));
      return;
    }
    let decoded: DecodeResult | Promise<DecodeResult>;
    try {
      decoded = this.#scope.decode(this.delivery.message, this.copy.id);
    } catch (error) {
      this.#ran(this.#readThrown(error)); // a schema that threw
      return;
    }
    if (isThenable<DecodeResult>(decoded)) this.#handleLater(decoded);
    else this.#handle(decoded);
  }

  #handleLater(decoding: PromiseLike<DecodeResult>): void {
    Promise.resolve(decoding)
      .then(
        (result) => (this.isOver ? this.#attempted(INTERRUPTED) : this.#handle(result)),
        (error: unknown) => this.#ran(this.#readThrown(error)),
      )
      .catch((error: unknown) => this.failInside(error));
  }

  #attemptLater(): Promise<Ending | Again> {
    return new Promise((resolve) => {
      this.#onAttempt = resolve;
      this.#attempt();
    });
  }

  #handle(decoded: DecodeResult): void {
    const scope = this.#scope;
    const attempt = this.#attemptNumber;
    if ('problem' in decoded) {
      this.#attempted(readProblem(decoded.problem, attempt, scope.consumer.invalid));
      return;
    }
    const facts = { messageId: this.copy.id, attempt, broker: this.broker };
    if (this.claim !== null && wantsTransaction(scope.consumer))
      this.#runTransacted(this.claim, decoded.message, facts);
    else new HandlerRun(scope, this, facts).start(decoded.message, this.#stint.running);
  }

  #runTransacted(claim: Claim, message: Message, facts: RunFacts): void {
    const { running } = this.#stint;
    runInTransaction({ scope: this.#scope, claim, running, message, facts, asker: this }).then(
      (result) => (result === INTERRUPTED ? this.#attempted(result) : this.#ran(result)),
      (error: unknown) => this.failInside(error),
    );
  }

  runReturned(run: HandlerRun, result: HandlerResult): void {
    this.#ran(result === undefined ? DONE : readVerdict(result, run.attempt));
  }

  runThrew(_: HandlerRun, error: unknown): void {
    // Cancelled by us it is not a failure of the handler.
    if (this.#stint.isOver) this.#attempted(INTERRUPTED);
    else
      this.#ran(isDuplicateEffect(error, this.#scope.consumer.onDuplicate) ? DONE : this.#readThrown(error));
  }

  /**
   * An attempt ended by itself; what is no failure, or one that waiting cannot cure, says that the rest of the world works.
   * Both are counted here, in the order in which handlers ended: some steps later, the failures of handlers that started
   * together would follow all of their successes, and look like a mass failure.
   */
  #ran(result: Ending | Again): void {
    const { massFailure } = this.#stint;
    this.#isNoFailure = false;
    const isDecided = result.kind !== 'again' || !result.isRetriable;
    if (isDecided || (!result.isFailure && massFailure.isProbing)) massFailure.decided();
    else if (result.isFailure) this.#isNoFailure = massFailure.failed(this, this.copy.id);
    if (this.lane !== null) this.#markLane(this.lane, isDecided);
    this.#attempted(result);
  }

  /** The messages of one bad key come together when their lane is free again; they say nothing about the other keys. */
  #markLane(lane: Lane, isDecided: boolean): void {
    if (isDecided) lane.failingSinceMs = null;
    else lane.failingSinceMs ??= this.#scope.clock.epochMs();
  }

  #readThrown(error: unknown): Again {
    return readThrown(error, this.#scope.consumer.retry.never);
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
      else this.goOn(this.#finish(result));
    } catch (error) {
      this.failInside(error);
    }
  }

  #done(): void {
    const isMarked = this.claim === null || this.claim.markDone((isOurs) => this.#marked(isOurs));
    if (isMarked === null)
      this.#stint.stepAside(this); // the handler ended: only those of its key wait for the mark
    else this.#marked(isMarked);
  }

  #marked(isOurs: boolean | null): void {
    try {
      if (isOurs === true) this.#settleAndLeave();
      else this.goOn(this.#scope.lettingGo.lookAgain(this, DONE));
    } catch (error) {
      this.failInside(error);
    }
  }

  async #finish(first: Ending | Again): Promise<void> {
    await this.#end(await this.#attempts(first));
  }

  async #end(ending: Ending): Promise<void> {
    await this.#scope.lettingGo.end(this, ending);
    this.#isAside = ending === ASIDE;
  }

  /** Attempts until one ends it; only the lane of its key waits. */
  async #attempts(first: Ending | Again): Promise<Ending> {
    let result = first;
    while (result.kind === 'again') {
      const failed = { id: this.copy.id, number: this.#attemptNumber, next: this.#nextAttempt(result) };
      const next = afterFailure(this.#scope, result, failed);
      if (typeof next !== 'number') return next;
      await wait(this.#scope.clock, next, this.signal);
      this.#run += 1;
      result = this.isOver ? INTERRUPTED : await this.#attemptLater();
    }
    return result;
  }

  #nextAttempt({ isRetriable, afterMs }: Again): Ending | number | null {
    if (this.#isNoFailure) return ASIDE;
    if (!isRetriable) return null;
    this.#firstFailedAtMs ??= readFirstFailure(this.delivery.message, this.#scope.clock.epochMs());
    const failed = { run: this.#run, attempt: this.copy.attempt, firstFailedAtMs: this.#firstFailedAtMs };
    return planNextAttempt(this.#scope.consumer.retry, { ...failed, afterMs }, this.#scope);
  }

  #settleAndLeave(): void {
    this.#scope.lettingGo.settle(this, DONE);
    this.#leave();
  }

  #leave(): void {
    if (this.#isAside && !this.isOver) this.#stint.setAside(this);
    else this.#stint.letPass(this);
    this.#isAside = false;
  }

  goOn(rest: Promise<void>): void {
    rest.then(
      () => this.#leave(),
      (error: unknown) => this.failInside(error),
    );
  }

  /** A defect of ours must not take the process along; the message stays unsettled and comes back. */
  failInside(error: unknown): void {
    const { consumer, logger } = this.#scope;
    try {
      const fields = { err: error, consumer: consumer.name, id: this.copy.id };
      logger.error(fields, 'delivery failed inside the bus; the message is kept');
      // Nothing else would give the claim back, and its owner lives on and renews it.
      void this.claim?.mark('release');
    } catch {
      // Nobody is left to be told.
    }
    this.#leave();
  }
}
