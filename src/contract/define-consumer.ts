import type {
  AnyConsumer,
  ConsumerDefinition,
  ConsumerOptions,
  ResolvedRetry,
  RetryOptions,
} from './consumer.js';
import { BuscouplerError } from './errors.js';

const KNOWN: ReadonlySet<string> = new Set([
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
  'kafka',
  'rabbitmq',
] satisfies (keyof ConsumerOptions<unknown>)[]);

/** RabbitMQ closes a channel whose delivery stays unacked for 30 min; a handler must end well before. */
const TIMEOUT_MAX_MS = 1_200_000;

const RETRY_DEFAULT: ResolvedRetry = {
  attempts: 3,
  backoff: { initialMs: 100, factor: 2, maxMs: 10_000, jitter: 0.2 },
};

function resolveRetry(retry: RetryOptions | undefined): ResolvedRetry {
  const inline = retry?.inline;
  return {
    attempts: inline?.attempts ?? RETRY_DEFAULT.attempts,
    backoff: { ...RETRY_DEFAULT.backoff, ...inline?.backoff },
  };
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
  if (!['key', 'none'].includes(consumer.ordering)) return 'ordering must be "key" or "none"';
  if (!['dead-letter', 'drop'].includes(consumer.invalid)) return 'invalid must be "dead-letter" or "drop"';
  if (!isWhole(consumer.timeoutMs, 1, TIMEOUT_MAX_MS)) {
    return `timeoutMs must be a whole number from 1 to ${TIMEOUT_MAX_MS}`;
  }
  return retryProblemOf(consumer.retry);
}

function retryProblemOf({ attempts, backoff }: ResolvedRetry): string | null {
  if (!isWhole(attempts, 1, 100)) return 'retry.inline.attempts must be a whole number from 1 to 100';
  if (!isWhole(backoff.initialMs, 0, 30_000))
    return 'retry.inline.backoff.initialMs must be from 0 to 30,000';
  if (!isWhole(backoff.maxMs, 0, 30_000)) return 'retry.inline.backoff.maxMs must be from 0 to 30,000';
  if (!(backoff.factor >= 1 && backoff.factor <= 10))
    return 'retry.inline.backoff.factor must be from 1 to 10';
  if (!(backoff.jitter >= 0 && backoff.jitter <= 1)) return 'retry.inline.backoff.jitter must be from 0 to 1';
  return null;
}

/** What configuration may change of a consumer; it wins over the definition in code. */
export type ConsumerChanges = Partial<
  Pick<
    ConsumerOptions<unknown>,
    'concurrency' | 'ordering' | 'retry' | 'timeoutMs' | 'invalid' | 'inbox' | 'kafka' | 'rabbitmq'
  >
>;

/** The same consumer with what configuration says of it. Throws BC_DEFINITION_INVALID. */
export function changeConsumer(consumer: AnyConsumer, changes: ConsumerChanges): AnyConsumer {
  const { retry, kafka, rabbitmq, ...rest } = changes;
  const changed: AnyConsumer = Object.freeze({
    ...consumer,
    ...rest,
    retry: retry === undefined ? consumer.retry : resolveRetry(retry),
    kafka: { ...consumer.kafka, ...kafka },
    rabbitmq: { ...consumer.rabbitmq, ...rabbitmq },
  });
  refuseProblem(consumer.name, problemOf(changed));
  return changed;
}

function refuseProblem(name: string, problem: string | null): void {
  if (problem === null) return;
  throw new BuscouplerError('BC_DEFINITION_INVALID', `Consumer ${JSON.stringify(name)}: ${problem}.`);
}

/**
 * Declares a consumer: a named handler of one topic. Throws BC_DEFINITION_INVALID for unknown options and values that
 * are not allowed. Defaults are those of {@link ConsumerOptions}.
 */
export function defineConsumer<Output>(options: ConsumerOptions<Output>): ConsumerDefinition<Output> {
  const unknown = Object.keys(options ?? {}).filter((name) => !KNOWN.has(name));
  const consumer: ConsumerDefinition<Output> = Object.freeze({
    concurrency: 16,
    ordering: 'key',
    timeoutMs: 60_000,
    invalid: 'dead-letter',
    inbox: true,
    kafka: {},
    rabbitmq: {},
    ...options,
    retry: resolveRetry(options?.retry),
    kind: 'consumer',
  });
  const problem =
    unknown.length > 0
      ? `unknown option ${unknown.join(', ')}; allowed: ${[...KNOWN].join(', ')}`
      : problemOf(consumer as ConsumerDefinition);
  if (problem === null) return consumer;
  throw new BuscouplerError(
    'BC_DEFINITION_INVALID',
    `Consumer ${JSON.stringify(options?.name)}: ${problem}.`,
  );
}
