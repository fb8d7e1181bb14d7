import type { Destination } from '../../contract/broker.js';
import { exchangeOf, queueOfDestination } from '../../messages/names.js';
import type { ExchangeState, Target } from './parcel.js';
import { isForeign } from './topology.js';

/** State of an exchange that nobody has asked for yet. */
export const exchangeState = (exchange: string, isChecked: boolean): ExchangeState => ({
  exchange,
  knowledge: isChecked ? 'good' : 'unknown',
  parked: [],
  refusal: null,
  hasStored: false,
});

/** What a destination means on RabbitMQ. `stateOf` gives the one state of an exchange. */
export function targetOf(
  destination: Destination,
  stateOf: (exchange: string, isChecked: boolean) => ExchangeState,
): Target {
  if (destination.kind !== 'topic') {
    const queue = queueOfDestination(destination);
    return {
      exchange: stateOf('', true),
      label: `queue "${queue}"`,
      isMandatory: true,
      isOneQueue: true,
      routingKeyOf: () => queue,
    };
  }
  const { topic } = destination;
  const exchange = exchangeOf(topic);
  const key = topic.rabbitmq?.routingKey ?? topic.name;
  return {
    exchange: stateOf(exchange, exchange === '' || !isForeign(topic)),
    label: `exchange "${exchange}"`,
    isMandatory: topic.unroutable !== 'accept',
    isOneQueue: exchange === '',
    routingKeyOf:
      typeof key === 'string'
        ? () => key
        : (message) => String(key({ data: message.data, key: message.key })),
  };
}
