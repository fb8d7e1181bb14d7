import {
  type Publisher,
  type PublishOutcome,
  type PublishTicket,
  STORED,
} from '../../../src/contract/broker.js';
import { defineTopic } from '../../../src/contract/define-topic.js';
import { BuscouplerError } from '../../../src/contract/errors.js';
import type { BusEventName, BusEvents, EmitEvent } from '../../../src/contract/events.js';
import type { BrokerName } from '../../../src/contract/message.js';
import type { AnyTopic, TopicOptions } from '../../../src/contract/topic.js';
import { TicketBook } from '../../../src/delivery/publish-ticket.js';
import { BackgroundCopies } from '../../../src/routing/background-copies.js';
import { createComposer } from '../../../src/routing/compose-message.js';
import { createOutboxPath } from '../../../src/routing/outbox-path.js';
import { createPublishPath } from '../../../src/routing/publish-path.js';
import type { Route } from '../../../src/routing/route.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';

/** What a broker does with a publish; `silent` never answers, `sent` not either but the bytes left. */
export type Behaviour = 'stored' | 'failed' | 'uncertain' | 'permanent' | 'silent' | 'sent';

const REFUSED = new BuscouplerError('BC_PUBLISH_REFUSED', 'Full.');
const PERMANENT = new BuscouplerError('BC_PLACE_MISSING', 'No such place.');

const OUTCOMES: Readonly<Record<Behaviour, PublishOutcome | null>> = {
  stored: STORED,
  failed: { status: 'failed', error: REFUSED },
  uncertain: { status: 'uncertain', error: REFUSED },
  permanent: { status: 'failed', error: PERMANENT },
  silent: null,
  sent: null,
};

/** A broker's publisher that behaves as a test says and keeps its tickets. */
export function createTestPublisher(behaviour: Behaviour = 'stored') {
  const tickets: PublishTicket[] = [];
  const control = { behaviour, maxMessageBytes: 1_048_576 };
  const publisher: Publisher = {
    get maxMessageBytes() {
      return control.maxMessageBytes;
    },
    publish: (ticket) => {
      tickets.push(ticket);
      ticket.wasSent = control.behaviour !== 'silent' && control.behaviour !== 'permanent';
      const outcome = OUTCOMES[control.behaviour];
      if (outcome !== null) ticket.settle(outcome);
    },
  };
  return { publisher, tickets, control };
}

/** What a path under test is made of. */
export interface PathOptions {
  readonly topic?: Partial<TopicOptions>;
  readonly policy?: Route['policy'];
  readonly primary?: BrokerName;
  readonly brokers?: readonly BrokerName[];
  readonly maxCopies?: number;
  readonly maxBytes?: number;
}

/** A publish path to publishers that a test holds. */
export function createPath(options: PathOptions = {}) {
  const clock = createFakeClock();
  const book = new TicketBook(clock);
  const told: { name: BusEventName; event: unknown }[] = [];
  const emit: EmitEvent = (name, event) => told.push({ name, event: event as BusEvents[typeof name] });
  const { maxCopies, maxBytes, brokers = ['kafka', 'rabbitmq'] } = options;
  const copies = new BackgroundCopies({
    clock,
    random: () => 0,
    book,
    emit,
    ...(maxCopies === undefined ? {} : { maxCopies }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });
  const kafka = createTestPublisher();
  const rabbitmq = createTestPublisher();
  const topic: AnyTopic = defineTopic({ name: 'orders', ...options.topic });
  const primary = options.primary ?? 'kafka';
  const route: Route = {
    topic,
    brokers,
    policy: options.policy ?? 'all',
    primary,
    legs: brokers.map((broker) => ({ broker, publisher: { kafka, rabbitmq }[broker].publisher })),
    primaryIndex: brokers.indexOf(primary),
    allStored: Object.freeze(Object.fromEntries(brokers.map((broker) => [broker, 'stored']))),
    compose: createComposer(topic, clock.epochMs),
  };
  const along = createPublishPath({
    clock,
    book,
    leftovers: copies,
    storeInOutbox: createOutboxPath(null, null),
    timeoutMs: 30_000,
  });
  return {
    clock,
    book,
    copies,
    told,
    kafka,
    rabbitmq,
    publish: (data: unknown, publishOptions?: Parameters<typeof along>[2]) =>
      along(route, data, publishOptions),
    names: () => told.map(({ name }) => name),
  };
}
