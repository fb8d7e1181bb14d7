import type { BrokerHealth, BrokerPort } from '../contract/broker.js';
import type { ConsumerSet } from '../contract/consumer-set.js';
import type { BrokerName } from '../contract/message.js';
import type { BusState, ConsumerHealth, Health } from '../contract/message-bus.js';
import type { OutboxRelay } from '../contract/outbox.js';
import type { TicketBook } from '../delivery/publish-ticket.js';

/** The parts that health is read from. */
export interface HealthParts {
  readonly state: BusState;
  readonly ports: ReadonlyMap<BrokerName, BrokerPort>;
  readonly consumers: ConsumerSet;
  readonly book: TicketBook;
  readonly copies: { readonly size: number };
  readonly relay: OutboxRelay | null;
}

const WORKING: ReadonlySet<ConsumerHealth['state']> = new Set([
  'idle',
  'live',
  'paused',
  'moving',
  'starting',
  'stopped',
]);

/**
 * Health of the whole: `ok` while the bus is started, every broker is up, no consumer has lost its broker and the relay of
 * the outbox keeps up.
 */
export function healthOf({ state, ports, consumers, book, copies, relay }: HealthParts): Health {
  const brokers: Partial<Record<BrokerName, BrokerHealth>> = {};
  for (const [name, port] of ports) brokers[name] = port.health();
  const consumerHealth = consumers.health();
  const outbox = relay?.health();
  const ok =
    state === 'started' &&
    outbox?.state !== 'away' &&
    outbox?.state !== 'lagging' &&
    Object.values(brokers).every((broker) => broker.state === 'up') &&
    Object.values(consumerHealth).every((consumer) => WORKING.has(consumer.state));
  return {
    ok,
    state,
    brokers,
    consumers: consumerHealth,
    publishes: { pending: book.size, background: copies.size },
    ...(outbox === undefined ? {} : { outbox }),
  };
}
