import type { Destination } from '../../contract/broker.js';
import type { BuscouplerError } from '../../contract/errors.js';
import type { OutgoingMessage } from '../../contract/message.js';
import { deadLetterQueueOf, exchangeOf } from '../../messages/names.js';
import type { Parcel } from './parcel.js';
import { isForeign } from './topology.js';

/** What is known of an exchange. Publishing to one that is missing would close the channel that all share. */
export interface ExchangeState {
  readonly exchange: string;
  /** `unknown`: it is looked for before the first use. */
  knowledge: 'good' | 'unknown' | 'asking';
  /** What waits for the answer, in order. */
  readonly parked: Parcel[];
  /** Why the server refuses it, until when (monotonic ms): a refusal costs the channel, so it is not asked each time. */
  refusal: { readonly error: BuscouplerError; readonly untilMs: number } | null;
  /** Something was stored through it: then a channel that dies of it may have stored more than it confirmed. */
  hasStored: boolean;
}

/** Where parcels of one destination go. */
export interface Target {
  readonly exchange: ExchangeState;
  /** For errors: `exchange "a"`. */
  readonly label: string;
  /** Without it the server accepts, and drops, what no queue is bound for. */
  readonly isMandatory: boolean;
  /** One queue, named directly: its refusal means that nothing was stored. */
  readonly isOneQueue: boolean;
  /** Throws what the topic's function throws. */
  readonly routingKeyOf: (message: OutgoingMessage) => string;
}

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
  if (destination.kind === 'dead-letter') {
    const queue = deadLetterQueueOf(destination.consumer);
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
