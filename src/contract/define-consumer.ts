import type {
  AnyConsumer,
  BackoffOptions,
  ConsumerDefinition,
  ConsumerInbox,
  ConsumerOptions,
  DuplicateEffect,
  FinalErrors,
  KafkaConsumerSettings,
  RabbitmqConsumerSettings,
  ResolvedRetry,
  RetryOptions,
} from './consumer.js';
import { parseDurationMs } from './duration.js';
import { BuscouplerError } from './errors.js';
import { givenOptions, notOneOf, unknownOptions } from './known-options.js';
import { parseLogPosition } from './log-position.js';

const KNOWN = [
  'name',
  'topic',
  'group',
  'handle',
  'concurrency',
  'ordering',
  'retry',
  'timeoutMs',
  'invalid',
  'inbox',
  'onDuplicate',
  'outsideWindow',
  'kafka',
  'rabbitmq',
] satisfies (keyof ConsumerOptions<unknown>)[];

const KNOWN_RETRY = ['inline', 'deferred', 'maxAge', 'never'] satisfies (keyof RetryOptions)[];
const KNOWN_INLINE = ['attempts', 'backoff'] satisfies (keyof NonNullable<RetryOptions['inline']>)[];
const KNOWN_BACKOFF = ['initialMs', 'factor', 'maxMs', 'jitter'] satisfies (keyof BackoffOptions)[];
const KNOWN_NEVER = ['types', 'codes', 'when'] satisfies (keyof FinalErrors)[];
const KNOWN_INBOX = ['transaction'] satisfies (keyof ConsumerInbox)[];
const KNOWN_DUPLICATE = ['index'] satisfies (keyof DuplicateEffect)[];
const KNOWN_KAFKA = [
  'deadLetterTopic',
  'retryPrefix',
  'startFrom',
  'skip',
] satisfies (keyof KafkaConsumerSettings)[];
const KNOWN_RABBITMQ = [
  'queue',
  'bindings',
  'existing',
  'deadLetterQueue',
  'deliveryLimit',
] satisfies (keyof RabbitmqConsumerSettings)[];

/** RabbitMQ closes a channel whose delivery stays unacked for 30 min; a handler must end well before. */
const TIMEOUT_MAX_MS = 1_200_000;

const TIMEOUT_DEFAULT_MS = 60_000;

/** MongoDB ends transactions after 60 s by default. */
const TRANSACTION_TIMEOUT_DEFAULT_MS = 30_000;

const RETRY_DEFAULT: ResolvedRetry = {
  attempts: 3,
  backoff: { initialMs: 100, factor: 2, maxMs: 10_000, jitter: 0.2 },
  deferredMs: [],
  maxAgeMs: 86_400_000,
  never: {},
};

/** Each delay has a place of its own on every broker. */
const DEFERRED_MAX = 10;

/** Longest sum of the delays between inline attempts, ms: the key's lane waits all the while. */
const INLINE_DELAYS_MAX_MS = 30_000;

/** What is not given stays as it is in `base`. */
function resolveRetry(retry: RetryOptions | undefined, base: ResolvedRetry): ResolvedRetry {
  const { inline, deferred, maxAge, never } = retry ?? {};
  return {
    attempts: inline?.attempts ?? base.attempts,
    backoff: { ...base.backoff, ...givenOptions(inline?.backoff ?? {}) },
    deferredMs: deferred?.map((delay) => parseDurationMs(delay, 'retry.deferred')) ?? base.deferredMs,
    maxAgeMs: maxAge === undefined ? base.maxAgeMs : parseDurationMs(maxAge, 'retry.maxAge'),
    never: never ?? base.never,
  };
}

/** Options that nobody knows: a misspelt one would be ignored in silence. */
function unknownProblemOf(options: ConsumerOptions<unknown>): string | null {
  const { retry, kafka, rabbitmq } = options;
  return (
    unknownOptions('', options, KNOWN) ??
    unknownOptions('retry', retry, KNOWN_RETRY) ??
    unknownOptions('retry.inline', retry?.inline, KNOWN_INLINE) ??
    unknownOptions('retry.never', retry?.never, KNOWN_NEVER) ??
    unknownOptions('retry.inline.backoff', retry?.inline?.backoff, KNOWN_BACKOFF) ??
    unknownOptions('onDuplicate', options.onDuplicate, KNOWN_DUPLICATE) ??
    unknownOptions('kafka', kafka, KNOWN_KAFKA) ??
    unknownOptions('rabbitmq', rabbitmq, KNOWN_RABBITMQ)
  );
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

/** What is wrong with a definition whose defaults are filled in; `null`: nothing. */
function problemOf(consumer: ConsumerDefinition): string | null {
  if (typeof consumer.name !== 'string' || !/^[A-Za-z][A-Za-z0-9_.-]{0,99}$/.test(consumer.name)) {
    return 'name must be 1 to 100 letters, digits, "-", "_" or ".", beginning with a letter';
  }
  if (consumer.topic?.kind !== 'topic') return 'topic must come from defineTopic';
  if (typeof consumer.group !== 'string' || consumer.group === '') return 'group must be a non-empty string';
  if (typeof consumer.handle !== 'function') return 'handle must be a function';
  if (!isWhole(consumer.concurrency, 1, 10_000)) return 'concurrency must be a whole number from 1 to 10,000';
  if (!isWhole(consumer.timeoutMs, 1, TIMEOUT_MAX_MS)) {
    return `timeoutMs must be a whole number from 1 to ${TIMEOUT_MAX_MS}`;
  }
  return (
    notOneOf('ordering', consumer.ordering, ['key', 'none']) ??
    notOneOf('invalid', consumer.invalid, ['dead-letter', 'drop']) ??
    inboxProblemOf(consumer) ??
    notOneOf('outsideWindow', consumer.outsideWindow, ['stop', 'run', 'dead-letter']) ??
    notOneOf('kafka.startFrom', consumer.kafka.startFrom, ['earliest', 'latest']) ??
    skipProblemOf(consumer.kafka) ??
    limitProblemOf(consumer.rabbitmq) ??
    retryProblemOf(consumer.retry)
  );
}

function skipProblemOf({ skip = [] }: KafkaConsumerSettings): string | null {
  const bad = skip.filter((text) => typeof text !== 'string' || parseLogPosition(text) === null);
  if (bad.length === 0) return null;
  return `kafka.skip must be texts such as "topic/partition/offset", but has ${bad.map((one) => JSON.stringify(one)).join(', ')}`;
}

function inboxProblemOf({ inbox, onDuplicate }: ConsumerDefinition): string | null {
  if (typeof inbox !== 'boolean') {
    if (typeof inbox !== 'object' || inbox === null) return 'inbox must be true, false or { transaction }';
    const problem =
      unknownOptions('inbox', inbox, KNOWN_INBOX) ??
      notOneOf('inbox.transaction', inbox.transaction, [true, false]);
    if (problem !== null) return problem;
  }
  if (onDuplicate === undefined) return null;
  const isIndex = typeof onDuplicate.index === 'object' && Object.keys(onDuplicate.index ?? {}).length > 0;
  return isIndex ? null : 'onDuplicate.index must be the key pattern of an index, as { user: 1 }';
}

function limitProblemOf({ deliveryLimit }: RabbitmqConsumerSettings): string | null {
  if (deliveryLimit === undefined || isWhole(deliveryLimit, 20, 1_000_000_000)) return null;
  return 'rabbitmq.deliveryLimit must be a whole number from 20';
}

function deferredProblemOf({ deferredMs }: ResolvedRetry): string | null {
  if (deferredMs.length > DEFERRED_MAX) return `retry.deferred has more than ${DEFERRED_MAX} delays`;
  const isRising = deferredMs.every((delayMs, index) => delayMs > (deferredMs[index - 1] ?? 0));
  const isWhole = deferredMs.every(Number.isInteger);
  return isRising && isWhole
    ? null
    : 'retry.deferred must be delays of whole ms over 0, each longer than the one before';
}

function retryProblemOf(retry: ResolvedRetry): string | null {
  const { attempts, backoff } = retry;
  if (!isWhole(attempts, 1, 100)) return 'retry.inline.attempts must be a whole number from 1 to 100';
  if (!isWhole(backoff.initialMs, 0, 30_000))
    return 'retry.inline.backoff.initialMs must be from 0 to 30,000';
  if (!isWhole(backoff.maxMs, 0, 30_000)) return 'retry.inline.backoff.maxMs must be from 0 to 30,000';
  if (!(backoff.factor >= 1 && backoff.factor <= 10))
    return 'retry.inline.backoff.factor must be from 1 to 10';
  if (!(backoff.jitter >= 0 && backoff.jitter <= 1)) return 'retry.inline.backoff.jitter must be from 0 to 1';
  const totalMs = delaysOf(attempts, backoff);
  return totalMs <= INLINE_DELAYS_MAX_MS
    ? deferredProblemOf(retry)
    : `retry.inline waits ${totalMs} ms between its ${attempts} attempts; at most ${INLINE_DELAYS_MAX_MS} together`;
}

function delaysOf(attempts: number, { initialMs, factor, maxMs }: Required<BackoffOptions>): number {
  let totalMs = 0;
  for (let retry = 0; retry < attempts - 1; retry += 1)
    totalMs += Math.min(maxMs, initialMs * factor ** retry);
  return totalMs;
}

/** True if the handler's writes are committed together with the record that the message is done. */
export const wantsTransaction = ({ inbox }: Pick<ConsumerDefinition, 'inbox'>): boolean =>
  typeof inbox === 'object' && inbox.transaction === true;

/** What configuration may change of a consumer; it wins over the definition in code. */
export type ConsumerChanges = Partial<
  Pick<
    ConsumerOptions<unknown>,
    | 'concurrency'
    | 'ordering'
    | 'retry'
    | 'timeoutMs'
    | 'invalid'
    | 'inbox'
    | 'outsideWindow'
    | 'kafka'
    | 'rabbitmq'
  >
>;

/** The same consumer with what configuration says of it. Throws BC_DEFINITION_INVALID. */
export function changeConsumer(consumer: AnyConsumer, changes: ConsumerChanges): AnyConsumer {
  const { retry, kafka, rabbitmq, ...rest } = givenOptions(changes);
  const changed: AnyConsumer = Object.freeze({
    ...consumer,
    ...rest,
    retry: resolveRetry(retry, consumer.retry),
    kafka: { ...consumer.kafka, ...kafka },
    rabbitmq: { ...consumer.rabbitmq, ...rabbitmq },
  });
  refuseProblem(consumer.name, problemOf(changed));
  return changed;
}

function refuseProblem(name: unknown, problem: string | null): void {
  if (problem === null) return;
  throw new BuscouplerError('BC_DEFINITION_INVALID', `Consumer ${JSON.stringify(name)}: ${problem}.`);
}

/**
 * Declares a consumer: a named handler of one topic. Throws BC_DEFINITION_INVALID for unknown options and values that
 * are not allowed. Defaults are those of {@link ConsumerOptions}.
 */
export function defineConsumer<Output>(options: ConsumerOptions<Output>): ConsumerDefinition<Output> {
  const given = givenOptions(options ?? {});
  const consumer: ConsumerDefinition<Output> = Object.freeze({
    concurrency: 16,
    ordering: 'key',
    timeoutMs: wantsTransaction({ inbox: given.inbox ?? true })
      ? TRANSACTION_TIMEOUT_DEFAULT_MS
      : TIMEOUT_DEFAULT_MS,
    invalid: 'dead-letter',
    inbox: true,
    kafka: {},
    rabbitmq: {},
    ...given,
    retry: resolveRetry(given.retry, RETRY_DEFAULT),
    kind: 'consumer',
  });
  refuseProblem(
    options?.name,
    unknownProblemOf(given as ConsumerOptions<unknown>) ?? problemOf(consumer as ConsumerDefinition),
  );
  return consumer;
}
