import type { AnyConsumer } from '../contract/consumer.js';
import type { EmitEvent } from '../contract/events.js';
import type { BrokerName } from '../contract/message.js';

interface Teller {
  readonly consumer: AnyConsumer;
  readonly emit: EmitEvent;
}

/** Tells that the consumer is fed, and by which broker. */
export function tellStarted({ consumer: { name, topic, group }, emit }: Teller, broker: BrokerName): void {
  emit('consumer-started', { consumer: name, topic: topic.name, group, broker });
}

/** Tells what the leg of a consumer that moved could not finish. */
export function tellLeft({ consumer, emit }: Teller, left: number, broker: BrokerName): void {
  const what = `"${consumer.name}" left ${left} unsettled deliveries on ${broker}; they go back there, to its draining leg.`;
  emit('warning', { what });
}
