import { z } from 'zod';
import { kafkaSchema, rabbitmqSchema } from './broker-schemas.js';
import { consumerSchema, topicSchema } from './definition-schemas.js';
import { choice, duration, integer, optionalChoice, optionalToggle, span, toggle } from './setting.js';

const publishSchema = z.strictObject({
  policy: choice(
    { values: ['all', 'primary', 'any'], default: 'all' },
    {
      env: 'PUBLISH_POLICY',
      doc: 'When a publish counts as done: every broker of the route stored it, the primary one, or the first.',
    },
  ),
  primary: optionalChoice(['kafka', 'rabbitmq'], {
    env: 'PUBLISH_PRIMARY',
    doc: 'The broker that must store, with policy `primary`.',
  }),
  timeoutMs: duration(30_000, { env: 'PUBLISH_TIMEOUT_MS', doc: 'Deadline of a publish.' }),
  maxInFlight: integer(
    { min: 1, max: 1_000_000, default: 1_000 },
    { env: 'PUBLISH_MAX_IN_FLIGHT', doc: 'Messages sent and unconfirmed, per broker.', unit: 'messages' },
  ),
  maxWaiting: integer(
    { min: 0, max: 10_000_000, default: 10_000 },
    { env: 'PUBLISH_MAX_WAITING', doc: 'Messages that wait behind those, per broker.', unit: 'messages' },
  ),
  maxBytes: integer(
    { min: 1_024, max: 17_179_869_184, default: 67_108_864 },
    { env: 'PUBLISH_MAX_BYTES', doc: 'Bytes of all of them, per broker.', unit: 'bytes' },
  ),
});

/**
 * The one schema of the configuration: what the file and the overrides may say, what each variable of the environment
 * means, every default and bound. `.env.example` and `docs/reference/configuration.md` are generated from it.
 */
export const configSchema = z.strictObject({
  embedded: toggle(false, {
    env: 'EMBEDDED',
    doc: 'Embedded brokers in memory serve the brokers that are on, or both if none is. For development, tests and the demo.',
  }),
  kafka: kafkaSchema.prefault({}),
  rabbitmq: rabbitmqSchema.prefault({}),
  defaultBroker: optionalChoice(['kafka', 'rabbitmq'], {
    env: 'DEFAULT_BROKER',
    doc: 'Feeds the consumers that no flag names.',
    absent: 'the only broker that is on; `rabbitmq` if both are',
  }),
  publish: publishSchema.prefault({}),
  start: z
    .strictObject({
      timeoutMs: duration(30_000, {
        env: 'START_TIMEOUT_MS',
        doc: 'Longest wait for the brokers that the routes require, before `start` gives up and names them.',
      }),
    })
    .prefault({}),
  maxMessageAge: span('7d', {
    env: 'MAX_MESSAGE_AGE',
    doc: 'Oldest message that a consumer with a shared inbox handles; `outsideWindow` says what becomes of older ones.',
  }),
  deadLetters: z
    .strictObject({
      maxReplays: integer(
        { min: 1, max: 1_000, default: 5 },
        { env: 'DEAD_LETTERS_MAX_REPLAYS', doc: 'How often one dead letter may be replayed.' },
      ),
      maxReplayAge: span('14d', {
        env: 'DEAD_LETTERS_MAX_REPLAY_AGE',
        doc: 'Oldest dead letter that is replayed.',
      }),
    })
    .prefault({}),
  logLevel: choice(
    { values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], default: 'info' },
    { env: 'LOG_LEVEL', doc: 'Least level of log lines. `debug` has a line per message.' },
  ),
  logPretty: optionalToggle({
    env: 'LOG_PRETTY',
    doc: 'Log lines for people instead of JSON.',
    absent: 'only on a terminal',
  }),
  topics: z.record(z.string(), topicSchema).default({}),
  consumers: z.record(z.string(), consumerSchema).default({}),
});

/** What the configuration file and the overrides may say. */
export type ConfigInput = z.input<typeof configSchema>;

/** The parsed values with every default filled in. */
export type ConfigValues = z.output<typeof configSchema>;
