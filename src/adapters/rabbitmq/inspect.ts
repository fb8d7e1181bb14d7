import type { Topology } from '../../contract/broker.js';
import type { Clock } from '../../contract/clock.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import {
  type InspectedExchange,
  type InspectedQueue,
  type Look,
  lookAt,
  type QueueInspection,
} from '../../contract/inspection.js';
import type { AnyTopic } from '../../contract/topic.js';
import { deadLetterQueueOf, exchangeOf, queueOf, retryQueueOf } from '../../messages/names.js';
import { requestError } from './errors.js';
import type { Management } from './management.js';
import { exchangeDetails, managementFacts, queueDetails } from './management-facts.js';
import { checkExchange, checkQueue, exists, type PlaceAccess } from './places.js';
import {
  checkTopologyNames,
  DEAD_LETTER_ARGUMENTS,
  isForeign,
  queueArguments,
  retryArguments,
} from './topology.js';

/** What inspecting needs. */
export interface InspectContext {
  readonly access: PlaceAccess;
  /** `null`: its address is not configured. */
  readonly management: Management | null;
  /** Of the AMQP connection. */
  readonly user: string;
  readonly clock: Clock;
}

/** A queue that is to be looked at. */
type PlannedQueue = Omit<InspectedQueue, 'isThere' | 'details'>;

function plannedQueues(consumer: AnyConsumer): PlannedQueue[] {
  const isForeignQueue = consumer.rabbitmq.existing === true;
  const shared = { consumers: [consumer.name], isOurs: true, exchange: null, handlerTimeoutMs: 0 };
  const retries = consumer.retry.deferredMs.map(
    (delayMs): PlannedQueue => ({
      ...shared,
      name: retryQueueOf(consumer, delayMs),
      purpose: 'retry',
      mustMatch: true,
      declared: retryArguments(consumer, delayMs),
    }),
  );
  const letters: PlannedQueue = {
    ...shared,
    name: deadLetterQueueOf(consumer),
    purpose: 'dead-letter',
    mustMatch: !isForeignQueue,
    declared: DEAD_LETTER_ARGUMENTS,
  };
  const work: PlannedQueue = {
    ...shared,
    name: queueOf(consumer),
    purpose: 'work',
    isOurs: !isForeignQueue,
    mustMatch: !isForeignQueue,
    declared: queueArguments(consumer),
    exchange: exchangeOf(consumer.topic) || null,
    handlerTimeoutMs: consumer.timeoutMs,
  };
  return [work, letters, ...retries];
}

/** Looks at everything that the topology needs. Declares nothing, takes no message. */
export async function inspectTopology(context: InspectContext, topology: Topology): Promise<QueueInspection> {
  checkTopologyNames(topology);
  const { access, management, user, clock } = context;
  const topics = [...topology.topics, ...topology.consumers.map(({ topic }) => topic)];
  const byExchange = new Map(topics.map((topic) => [exchangeOf(topic), topic]));
  byExchange.delete(''); // the default one is always there
  const facts =
    management === null
      ? null
      : await lookAt(
          () => managementFacts(management, user, clock),
          (thrown) => requestError(thrown, 'Asking the management API'),
        );
  // An API that does not answer is asked once.
  const api = facts?.status === 'seen' ? management : null;
  const exchanges: InspectedExchange[] = [];
  for (const topic of byExchange.values()) {
    exchanges.push(await inspectExchange(access, api, { topic, users: topology.consumers }));
  }
  const queues: InspectedQueue[] = [];
  for (const planned of topology.consumers.flatMap(plannedQueues)) {
    queues.push(await inspectQueue(access, api, planned));
  }
  return {
    kind: 'queues',
    version: access.connection.serverVersion,
    user,
    exchanges,
    queues,
    management: facts,
  };
}

const look = (check: Promise<unknown>, what: string): Promise<Look<boolean>> =>
  lookAt(
    () => exists(check),
    (thrown) => requestError(thrown, what),
  );

const detailsOf = async <Details>(
  isThere: Look<boolean>,
  ask: (() => Promise<Details>) | null,
): Promise<Look<Details> | null> =>
  ask === null || (isThere.status === 'seen' && !isThere.value)
    ? null
    : lookAt(ask, (thrown) => requestError(thrown, 'Asking the management API'));

async function inspectQueue(
  access: PlaceAccess,
  api: Management | null,
  planned: PlannedQueue,
): Promise<InspectedQueue> {
  const { name } = planned;
  const isThere = await look(checkQueue(access, name), `Looking for the queue "${name}"`);
  return {
    ...planned,
    isThere,
    details: await detailsOf(isThere, api && (() => queueDetails(api, name))),
  };
}

async function inspectExchange(
  access: PlaceAccess,
  api: Management | null,
  { topic, users }: { readonly topic: AnyTopic; readonly users: readonly AnyConsumer[] },
): Promise<InspectedExchange> {
  const name = exchangeOf(topic);
  const isThere = await look(checkExchange(access, name), `Looking for the exchange "${name}"`);
  return {
    name,
    purpose: 'topic',
    consumers: users.filter((one) => exchangeOf(one.topic) === name).map((one) => one.name),
    isOurs: !isForeign(topic),
    wantedType: topic.rabbitmq?.type ?? 'topic',
    failsUnroutable: topic.unroutable === 'fail',
    isThere,
    details: await detailsOf(isThere, api && (() => exchangeDetails(api, name))),
  };
}
