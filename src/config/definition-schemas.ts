import { z } from 'zod';
import { LOG_POSITION } from '../contract/log-position.js';
import type { RabbitmqTopicSettings } from '../contract/topic.js';
import {
  described,
  line,
  optionalChoice,
  optionalInteger,
  optionalToggle,
  type SettingFacts,
  text,
} from './setting.js';

const BROKERS = ['kafka', 'rabbitmq'] as const;
const NAME_ALLOWED = 'letters, digits, `.`, `_` and `-`, at most 249 characters';

const name = (doc: string, absent: string) =>
  described(z.exactOptional(z.string().regex(/^[A-Za-z0-9._-]{1,249}$/)), {
    doc,
    absent,
    allowed: NAME_ALLOWED,
    kind: 'text',
  });

/** A name of RabbitMQ: existing exchanges and queues may hold any character. */
const amqpName = (doc: string, absent: string) =>
  text({ doc, absent, allowed: 'a text of one line, at most 255 bytes' });

const existing = (what: string) =>
  optionalToggle({ doc: `The ${what} exists: it is only checked, never declared.`, absent: '`false`' });

const other = (doc: string, allowed: string): SettingFacts => ({ doc, allowed, kind: 'other' });

const kafkaTopicSchema = z.strictObject({
  topic: name('Name of the Kafka topic.', 'the name of the topic'),
  existing: existing('Kafka topic'),
  partitions: optionalInteger({ min: 1, max: 10_000 }, { doc: 'Partitions at creation.', absent: '12' }),
  replicationFactor: optionalInteger(
    { min: 1, max: 100 },
    { doc: 'Replicas at creation.', absent: '3, or the number of brokers if there are fewer' },
  ),
  config: described(
    z.exactOptional(
      z.record(
        z.string(),
        z.union([z.string(), z.number(), z.boolean()]).transform((value) => String(value)),
      ),
    ),
    other('Topic configuration at creation, as Kafka names it (`retention.ms`, …).', 'texts by name'),
  ),
});

type RoutingKey = NonNullable<RabbitmqTopicSettings['routingKey']>;

const rabbitmqTopicSchema = z.strictObject({
  exchange: amqpName('Name of the exchange.', 'the name of the topic'),
  type: optionalChoice(['topic', 'direct', 'fanout', 'headers'], {
    doc: 'Type of the exchange.',
    absent: '`topic`',
  }),
  routingKey: described(
    z.exactOptional(
      z.custom<RoutingKey>(
        (value) => typeof value === 'function' || (typeof value === 'string' && value.length <= 255),
      ),
    ),
    {
      ...other(
        'Routing key: fixed, or a function of the message (in a `.js` or `.mjs` file).',
        'a text of at most 255 characters, or a function',
      ),
      absent: 'the name of the topic',
    },
  ),
  existing: existing('exchange'),
});

/** One entry of section `topics`. */
export const topicSchema = z.strictObject({
  brokers: described(z.exactOptional(z.array(z.enum(BROKERS)).min(1).max(2)), {
    ...other('Brokers that the topic is published to.', 'a list of `kafka`, `rabbitmq`, at least one'),
    absent: 'every enabled broker',
  }),
  policy: optionalChoice(['all', 'primary', 'any'], {
    doc: 'When a publish counts as done.',
    absent: '`publish.policy`',
  }),
  primary: optionalChoice(BROKERS, {
    doc: 'The broker that must store, with policy `primary`.',
    absent: '`publish.primary`',
  }),
  allowGaps: optionalToggle({
    doc: "With policy `any` or `primary`: a consumer's broker may miss a message after a crash, and that is meant.",
    absent: '`false`',
  }),
  unroutable: optionalChoice(['fail', 'accept'], {
    doc: 'A message that no queue is bound for: an error, or accepted. RabbitMQ only.',
    absent: '`fail`',
  }),
  kafka: z.exactOptional(kafkaTopicSchema),
  rabbitmq: z.exactOptional(rabbitmqTopicSchema),
});

const number = (doc: string, absent: string, { min, max }: { min: number; max: number }) =>
  described(z.exactOptional(z.number().min(min).max(max)), {
    doc,
    absent,
    allowed: `a number from ${min} to ${max}`,
    kind: 'other',
  });

const delay = z.union([z.number().min(0), z.string().regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/)]);

const retrySchema = z.strictObject({
  deferred: described(z.exactOptional(z.array(delay).max(10)), {
    ...other(
      'How long each deferred copy waits, each longer than the one before.',
      'a list of at most 10 durations, as `[ "5s", "30s", "5m" ]`',
    ),
    absent: 'none: a message whose attempts are used up is dead-lettered',
  }),
  maxAge: described(z.exactOptional(delay), {
    ...other('Longest time from the first failure to the last attempt.', 'a duration, as `"1d"`'),
    absent: 'one day',
  }),
  inline: z.exactOptional(
    z.strictObject({
      attempts: optionalInteger(
        { min: 1, max: 100 },
        { doc: 'Attempts in process, the first included.', absent: '3' },
      ),
      backoff: z.exactOptional(
        z.strictObject({
          initialMs: optionalInteger(
            { min: 0, max: 30_000 },
            { doc: 'First delay.', unit: 'ms', absent: '100' },
          ),
          factor: number('Each delay is the one before times this.', '2', { min: 1, max: 10 }),
          maxMs: optionalInteger(
            { min: 0, max: 30_000 },
            { doc: 'Longest delay.', unit: 'ms', absent: '10,000' },
          ),
          jitter: number('Share of the delay that is random.', '0.2', { min: 0, max: 1 }),
        }),
      ),
    }),
  ),
});

const bindingSchema = z.union([z.string().max(255), z.record(line(), line())]);

const rabbitmqConsumerSchema = z.strictObject({
  queue: amqpName('Name of the queue.', 'the group'),
  bindings: described(z.exactOptional(z.array(bindingSchema).min(1).max(100)), {
    ...other('Binding keys, or header bindings (texts by name).', 'a list of texts, or of texts by name'),
    absent: "the topic's routing key",
  }),
  existing: existing('queue'),
  deadLetterQueue: amqpName('Name of the dead-letter queue.', '`{queue}_dlq`'),
  deliveryLimit: optionalInteger(
    { min: 20, max: 1_000_000 },
    { doc: '`x-delivery-limit` of a queue that is declared.', absent: '20' },
  ),
});

/** One entry of section `consumers`. */
export const consumerSchema = z.strictObject({
  broker: optionalChoice(BROKERS, {
    doc: 'The broker that feeds the consumer; `CONSUMER_<NAME>_BROKER` in the environment wins. In a `.json` file it is watched: a change moves the consumer without a restart.',
    absent: '`defaultBroker`',
  }),
  concurrency: optionalInteger(
    { min: 1, max: 10_000 },
    { doc: 'Handlers in flight per instance.', absent: '16' },
  ),
  ordering: optionalChoice(['key', 'none'], {
    doc: 'Whether messages with one key run one after another.',
    absent: '`key`',
  }),
  timeoutMs: optionalInteger(
    { min: 1, max: 1_200_000 },
    { doc: 'Deadline of one run of the handler.', unit: 'ms', absent: '60,000' },
  ),
  invalid: optionalChoice(['dead-letter', 'drop'], {
    doc: 'What happens to a message that fails its schema or is no JSON.',
    absent: '`dead-letter`',
  }),
  inbox: described(
    z.exactOptional(z.union([z.boolean(), z.strictObject({ transaction: z.exactOptional(z.boolean()) })])),
    {
      ...other(
        "With `false` the consumer uses no inbox. With `transaction` the handler's writes and the record that the message is done are committed together.",
        '`true`, `false` or `{ "transaction": true }`',
      ),
      absent: '`true`',
    },
  ),
  outsideWindow: optionalChoice(['stop', 'run', 'dead-letter'], {
    doc: 'What becomes of a copy that is older than the inbox surely remembers: kept and nothing is taken past it, run all the same, or dead-lettered as `expired`.',
    absent: '`stop` with an inbox that outlives the process, else `run`',
  }),
  retry: z.exactOptional(retrySchema),
  kafka: z.exactOptional(
    z.strictObject({
      deadLetterTopic: name('Name of the dead-letter topic.', '`{topic}_dlt`'),
      retryPrefix: name('What the names of its retry topics begin with.', 'the group'),
      startFrom: optionalChoice(['earliest', 'latest'], {
        doc: 'Where a new group starts.',
        absent: '`earliest`',
      }),
      skip: described(z.exactOptional(z.array(z.string().regex(LOG_POSITION)).max(100)), {
        ...other(
          'Batches that cannot be decoded and are stepped over, each named by the position of any record in it. In a `.json` file it is watched: an added entry makes the running consumer step over the batch that it stands at; take it out again afterwards.',
          'a list of at most 100 texts, as `[ "orders/3/1701" ]` (topic, partition, offset)',
        ),
        absent: 'none',
      }),
    }),
  ),
  rabbitmq: z.exactOptional(rabbitmqConsumerSchema),
});
