import { BuscouplerError } from './errors.js';
import { givenOptions, notOneOf, unknownOptions } from './known-options.js';
import { BROKER_NAMES } from './message.js';
import type { KafkaTopicSettings, RabbitmqTopicSettings, TopicDefinition, TopicOptions } from './topic.js';

const KNOWN = [
  'name',
  'schema',
  'key',
  'codec',
  'brokers',
  'policy',
  'primary',
  'allowGaps',
  'unroutable',
  'kafka',
  'rabbitmq',
] satisfies (keyof TopicOptions)[];

const KNOWN_KAFKA = [
  'topic',
  'existing',
  'partitions',
  'replicationFactor',
  'config',
] satisfies (keyof KafkaTopicSettings)[];

const KNOWN_RABBITMQ = [
  'exchange',
  'type',
  'routingKey',
  'existing',
] satisfies (keyof RabbitmqTopicSettings)[];

function brokersProblemOf({ brokers }: TopicOptions): string | null {
  if (brokers === undefined) return null;
  if (!Array.isArray(brokers)) return `brokers must be a list of ${BROKER_NAMES.join(', ')}`;
  if (brokers.length === 0) return 'brokers is empty; leave it out for every enabled broker';
  const strangers = brokers.filter((name) => !BROKER_NAMES.includes(name));
  return strangers.length === 0
    ? null
    : `brokers has ${strangers.join(', ')}; allowed: ${BROKER_NAMES.join(', ')}`;
}

function problemOf(options: TopicOptions): string | null {
  const { name, schema, key } = options;
  if (typeof name !== 'string' || name === '') return 'name must be a non-empty string';
  if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function') {
    return 'schema must be a Standard Schema (zod, valibot, ArkType)';
  }
  if (key !== undefined && typeof key !== 'function') return 'key must be a function of the message';
  return (
    unknownOptions('', options, KNOWN) ??
    brokersProblemOf(options) ??
    notOneOf('codec', options.codec, ['json', 'bytes']) ??
    notOneOf('policy', options.policy, ['all', 'primary', 'any']) ??
    notOneOf('primary', options.primary, BROKER_NAMES) ??
    notOneOf('unroutable', options.unroutable, ['fail', 'accept']) ??
    notOneOf('allowGaps', options.allowGaps, [true, false]) ??
    unknownOptions('kafka', options.kafka, KNOWN_KAFKA) ??
    unknownOptions('rabbitmq', options.rabbitmq, KNOWN_RABBITMQ) ??
    notOneOf('rabbitmq.type', options.rabbitmq?.type, ['topic', 'direct', 'fanout', 'headers'])
  );
}

/**
 * Declares a topic: a named stream of one kind of message. Throws BC_DEFINITION_INVALID for unknown options and values
 * that are not allowed; the legality of names is checked by `createBus`, where mappings are known.
 */
export function defineTopic<Input = unknown, Output = Input>(
  options: TopicOptions<Input, Output>,
): TopicDefinition<Input, Output> {
  const given = givenOptions(options ?? {});
  const problem = problemOf(given as TopicOptions);
  if (problem !== null) {
    throw new BuscouplerError('BC_DEFINITION_INVALID', `Topic ${JSON.stringify(options?.name)}: ${problem}.`);
  }
  return Object.freeze({
    codec: 'json',
    unroutable: 'fail',
    allowGaps: false,
    ...given,
    kind: 'topic',
    isDefined: true,
  });
}

/** A topic that is published by name only: JSON, no schema; it must exist. */
export function topicByName(name: string): TopicDefinition {
  return Object.freeze({ ...defineTopic({ name }), isDefined: false });
}
