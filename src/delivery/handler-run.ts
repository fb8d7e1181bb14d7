import type { Clock, Timer } from '../contract/clock.js';
import type { AnyConsumer, HandlerContext, HandlerResult, HandlerVerdict } from '../contract/consumer.js';
import { BuscouplerError } from '../contract/errors.js';
import type { Logger } from '../contract/logger.js';
import type { BrokerName, Message } from '../contract/message.js';
import { parseDurationMs } from './duration.js';

/** How often deadlines are looked at, ms: a handler is given up at most this late. */
const SWEEP_MS = 50;

/** What the runs of one consumer share. */
export interface RunScope {
  readonly consumer: AnyConsumer;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One run of a handler: its context, its deadline, its end. Controller, date and verdicts are made only when asked for. */
export class HandlerRun implements HandlerContext {
  readonly messageId: string;
  readonly attempt: number;
  readonly broker: BrokerName;
  readonly deadlineMs: number;
  readonly #scope: RunScope;
  #abort: AbortController | null = null;
  #abortReason: BuscouplerError | null = null;
  #reject: ((error: BuscouplerError) => void) | null = null;

  constructor(scope: RunScope, facts: { messageId: string; attempt: number; broker: BrokerName }) {
    this.#scope = scope;
    this.messageId = facts.messageId;
    this.attempt = facts.attempt;
    this.broker = facts.broker;
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

  /** Runs the handler; a synchronous throw is a rejection. */
  run(message: Message): HandlerResult | Promise<HandlerResult> {
    const result = this.#scope.consumer.handle(message, this);
    return result instanceof Promise || isThenable(result) ? this.#race(result) : (result as HandlerResult);
  }

  #race(result: PromiseLike<HandlerResult>): Promise<HandlerResult> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      result.then(resolve, reject);
    });
  }

  /** Ends it from outside: aborts the signal, then rejects, whether the handler listens or not. */
  interrupt(error: BuscouplerError): void {
    if (this.#abortReason !== null) return;
    this.#abortReason = error;
    this.#abort?.abort(error);
    this.#reject?.(error);
  }
}

function isThenable(value: unknown): value is PromiseLike<HandlerResult> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}

/** All runs of one consumer that are under way, with one timer for their deadlines. */
export class RunningHandlers {
  readonly #clock: Clock;
  readonly #runs = new Set<HandlerRun>();
  #timer: Timer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(run: HandlerRun): void {
    this.#runs.add(run);
    this.#timer ??= this.#clock.schedule(() => this.#sweep(), SWEEP_MS);
  }

  delete(run: HandlerRun): void {
    this.#runs.delete(run);
  }

  interruptAll(error: BuscouplerError): void {
    for (const run of this.#runs) run.interrupt(error);
  }

  #sweep(): void {
    this.#timer = null;
    const now = this.#clock.monotonicMs();
    for (const run of this.#runs) {
      if (run.deadlineMs > now) continue;
      run.interrupt(
        new BuscouplerError(
          'BC_HANDLER_TIMEOUT',
          `The handler of "${run.consumer}" did not end by its deadline.`,
        ),
      );
    }
    if (this.#runs.size > 0) this.#timer = this.#clock.schedule(() => this.#sweep(), SWEEP_MS);
  }
}
