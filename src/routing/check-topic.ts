import { BuscouplerError } from '../contract/errors.js';
import { checkName, exchangeOf, kafkaTopicOf, twinKeyOf } from '../messages/names.js';
import type { RoutePlan } from './route.js';

/** Refuses names that a broker of the route would refuse. What exists was named by somebody else. */
export function checkTopic({ topic, brokers }: RoutePlan): void {
  const of = `of topic "${topic.name}"`;
  if (brokers.includes('kafka') && !topic.kafka?.existing)
    checkName(kafkaTopicOf(topic), `Kafka topic ${of}`);
  if (brokers.includes('rabbitmq') && !topic.rabbitmq?.existing)
    checkName(exchangeOf(topic), `exchange ${of}`);
}

/** Refuses two Kafka topics whose names Kafka holds equal (`a.b` and `a_b`). */
export function checkTwins(names: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const twin = seen.get(twinKeyOf(name));
    if (twin !== undefined && twin !== name) {
      throw new BuscouplerError('BC_NAME_INVALID', `Kafka holds the topics "${twin}" and "${name}" equal.`);
    }
    seen.set(twinKeyOf(name), name);
  }
}
