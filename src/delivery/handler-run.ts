import type { Clock } from '../contract/clock.js';
import type { AnyConsumer, HandlerContext, HandlerResult, HandlerVerdict } from '../contract/consumer.js';
import { parseDurationMs } from '../contract/duration.js';
import type { BuscouplerError } from '../contract/errors.js';
import type { Logger } from '../contract/logger.js';
import type { BrokerName, Message } from '../contract/message.js';
import type { TransactionSession } from '../contract/transaction-session.js';
import { isThenable } from '../messages/thenable.js';
import type { RunningHandler, RunningHandlers } from './running-handlers.js';

/** What the runs of one consumer share. */
export interface RunScope {
  readonly consumer: AnyConsumer;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Told once how a run ended. */
export interface RunOwner {
  runReturned(run: HandlerRun, result: HandlerResult): void;
  runThrew(run: HandlerRun, error: unknown): void;
}

/** Which message a run is for. */
export interface RunFacts {
  readonly messageId: string;
  readonly attempt: number;
  readonly broker: BrokerName;
  /** Of the transaction that settles the message. */
  readonly session?: TransactionSession;
}

/**
 * One run of a handler: its context, its deadline, its end. Controller, date and verdicts are made only when asked for;
 * while it runs it is a cell of the list of those that have a deadline.
 */
export class HandlerRun implements HandlerContext, RunningHandler {
  readonly messageId: string;
  readonly attempt: number;
  readonly broker: BrokerName;
  readonly session: TransactionSession | undefined;
  readonly deadlineMs: number;
  readonly #scope: RunScope;
  readonly #owner: RunOwner;
  #abort: AbortController | null = null;
  #abortReason: BuscouplerError | null = null;
  #isEnded = false;
  list: RunningHandlers | null = null;
  previous: RunningHandler | null = null;
  next: RunningHandler | null = null;

  constructor(scope: RunScope, owner: RunOwner, facts: RunFacts) {
    this.#scope = scope;
    this.#owner = owner;
    this.messageId = facts.messageId;
    this.attempt = facts.attempt;
    this.broker = facts.broker;
    this.session = facts.session;
    this.deadlineMs = scope.clock.monotonicMs() + scope.consumer.timeoutMs;
  }

  get consumer(): string {
    return this.#scope.consumer.name;
  }

  get logger(): Logger {
    return this.#scope.logger;
  }

  get idempotencyKey(): string {
    return `${this.#scope.consumer.name}/${this.messageId}`;
  }

  get deadline(): Date {
    const { clock } = this.#scope;
    return new Date(clock.epochMs() + (this.deadlineMs - clock.monotonicMs()));
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#abortReason !== null) this.#abort.abort(this.#abortReason);
    }
    return this.#abort.signal;
  }

  retry(options?: { after?: number | string }): HandlerVerdict {
    return { kind: 'retry', afterMs: parseDurationMs(options?.after ?? 0, 'context.retry({ after })') };
  }

  deadLetter(reason: string): HandlerVerdict {
    return { kind: 'dead-letter', reason };
  }

  drop(reason: string): HandlerVerdict {
    return { kind: 'drop', reason };
  }

  /** Runs the handler and tells the owner how it ended, at once or later; a synchronous throw is like a rejection. */
  start(message: Message, running: RunningHandlers): void {
    let result: HandlerResult | PromiseLike<HandlerResult>;
    try {
      result = this.#scope.consumer.handle(message, this);
      if (isThenable<HandlerResult>(result)) {
        running.add(this);
        result.then(
          (value) => this.#returned(value),
          (error: unknown) => this.#threw(error),
        );
        return;
      }
    } catch (error) {
      this.#threw(error);
      return;
    }
    this.#returned(result);
  }

  /** Ends it from outside: aborts the signal, whether the handler listens or not; how it ends later is ignored. */
  interrupt(error: BuscouplerError): void {
    if (this.#isEnded) return;
    this.#abortReason = error;
    this.#abort?.abort(error);
    this.#threw(error);
  }

  #returned(result: HandlerResult): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.list?.remove(this);
    this.#owner.runReturned(this, result);
  }

  #threw(error: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.list?.remove(this);
    this.#owner.runThrew(this, error);
  }
}
