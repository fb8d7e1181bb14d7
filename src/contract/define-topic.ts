import { BuscouplerError } from './errors.js';
import { BROKER_NAMES } from './message.js';
import type { TopicDefinition, TopicOptions } from './topic.js';

const KNOWN: ReadonlySet<string> = new Set([
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
] satisfies (keyof TopicOptions)[]);

/**
 * Declares a topic: a named stream of one kind of message. Throws BC_DEFINITION_INVALID for unknown options and values
 * that are not allowed; the legality of names is checked by `createBus`, where mappings are known.
 */
export function defineTopic<Input = unknown, Output = Input>(
  options: TopicOptions<Input, Output>,
): TopicDefinition<Input, Output> {
  const refuse = (what: string): never => {
    throw new BuscouplerError('BC_DEFINITION_INVALID', `Topic ${JSON.stringify(options?.name)}: ${what}.`);
  };
  if (typeof options?.name !== 'string' || options.name === '')
    return refuse('name must be a non-empty string');
  const unknown = Object.keys(options).filter((name) => !KNOWN.has(name));
  if (unknown.length > 0)
    return refuse(`unknown option ${unknown.join(', ')}; allowed: ${[...KNOWN].join(', ')}`);
  if (options.schema !== undefined && typeof options.schema?.['~standard']?.validate !== 'function') {
    return refuse('schema must be a Standard Schema (zod, valibot, ArkType)');
  }
  const strangers = (options.brokers ?? []).filter((name) => !BROKER_NAMES.includes(name));
  if (strangers.length > 0)
    return refuse(`brokers has ${strangers.join(', ')}; allowed: ${BROKER_NAMES.join(', ')}`);
  if (options.brokers?.length === 0) return refuse('brokers is empty; leave it out for every enabled broker');
  return Object.freeze({
    codec: 'json',
    unroutable: 'fail',
    allowGaps: false,
    ...options,
    kind: 'topic',
    isDefined: true,
  });
}

/** A topic that is published by name only: JSON, no schema; it must exist. */
export function topicByName(name: string): TopicDefinition {
  return Object.freeze({ ...defineTopic({ name }), isDefined: false });
}
