import type {
  InspectedExchange,
  InspectedLogTopic,
  InspectedNode,
  InspectedQueue,
  LogInspection,
  LogTopicState,
  Look,
  ManagementFacts,
  QueueDetails,
  QueueInspection,
} from '../../../src/contract/inspection.js';
import type { BrokerName } from '../../../src/contract/message.js';
import type { CheckContext } from '../../../src/preflight/check-context.js';
import { judge } from '../../../src/preflight/judge.js';

const DAY_MS = 86_400_000;

export const seen = <Value>(value: Value): Look<Value> => ({ status: 'seen', value });

export const CONTEXT: CheckContext = {
  inbox: { ttlMs: 30 * DAY_MS, isShared: true },
  maxMessageAgeMs: 7 * DAY_MS,
  maxReplayAgeMs: 14 * DAY_MS,
  hasTwoBrokers: true,
};

const ALL = new Set(['READ', 'WRITE', 'CREATE', 'DESCRIBE', 'DESCRIBE_CONFIGS']);

/** A good topic on three nodes, with settings as given. */
export function logTopic(
  changes: Partial<InspectedLogTopic> = {},
  state: Partial<LogTopicState> = {},
  settings: Readonly<Record<string, string>> = {},
): InspectedLogTopic {
  const given = {
    'cleanup.policy': 'delete',
    'max.message.bytes': '1048588',
    'min.insync.replicas': '2',
    'retention.bytes': '-1',
    'retention.ms': String(14 * DAY_MS),
    ...settings,
  };
  const partitions = [0, 1, 2].map((partition) => ({ partition, leader: 1, replicas: 3, inSync: 3 }));
  const all = { partitions, operations: ALL, settings: seen(new Map(Object.entries(given))), ...state };
  return {
    name: 'orders',
    purpose: 'topic',
    consumers: ['billing'],
    isOurs: true,
    wantedPartitions: 3,
    delayMs: 0,
    copiesOf: null,
    state: seen(all),
    creation: null,
    ...changes,
  };
}

/** A good cluster of three nodes with one topic. */
export const log = (changes: Partial<LogInspection> = {}): LogInspection => ({
  kind: 'log',
  version: null,
  nodes: 3,
  settings: seen(
    new Map([
      ['auto.create.topics.enable', 'false'],
      ['group.min.session.timeout.ms', '6000'],
      ['group.max.session.timeout.ms', '1800000'],
      ['offsets.retention.minutes', '10080'],
    ]),
  ),
  sessionTimeoutMs: 30_000,
  topics: [logTopic()],
  groups: [{ name: 'billing-group', operations: seen(ALL) }],
  ...changes,
});

const ARGUMENTS = {
  'x-queue-type': 'quorum',
  'x-delivery-limit': 20,
  'x-dead-letter-exchange': '',
  'x-dead-letter-routing-key': 'billing_dlq',
};

/** A good queue, as the bus declares it. */
export function queue(
  changes: Partial<InspectedQueue> = {},
  details: Partial<QueueDetails> = {},
): InspectedQueue {
  const present: QueueDetails = {
    type: 'quorum',
    isDurable: true,
    isAutoDelete: false,
    isExclusive: false,
    arguments: ARGUMENTS,
    policies: [],
    policy: {},
    boundTo: ['', 'orders'],
    hasDeadLetterExchange: null,
    ...details,
  };
  return {
    name: 'billing',
    purpose: 'work',
    consumers: ['billing'],
    isOurs: true,
    mustMatch: true,
    declared: ARGUMENTS,
    exchange: 'orders',
    handlerTimeoutMs: 60_000,
    isThere: seen(true),
    details: seen(present),
    ...changes,
  };
}

/** A good exchange, as the bus declares it. */
export const exchange = (changes: Partial<InspectedExchange> = {}): InspectedExchange => ({
  name: 'orders',
  purpose: 'topic',
  consumers: ['billing'],
  isOurs: true,
  wantedType: 'topic',
  failsUnroutable: true,
  isThere: seen(true),
  details: seen({ type: 'topic', isDurable: true, alternate: null }),
  ...changes,
});

/** What a good cluster of three nodes says of itself. */
export const management = (changes: Partial<ManagementFacts> = {}): Look<ManagementFacts> =>
  seen({
    nodes: seen(['a', 'b', 'c'].map((name) => node(name))),
    permissions: seen({ configure: '.*', write: '.*', read: '.*' }),
    clockAheadMs: -400,
    ...changes,
  });

export const node = (name: string, changes: Partial<InspectedNode> = {}): InspectedNode => ({
  name,
  isRunning: true,
  hasMemoryAlarm: false,
  hasDiskAlarm: false,
  partitions: [],
  ...changes,
});

/** A good server with one queue. */
export const queues = (changes: Partial<QueueInspection> = {}): QueueInspection => ({
  kind: 'queues',
  version: '4.0.5',
  user: 'billing',
  exchanges: [exchange()],
  queues: [queue()],
  management: management(),
  ...changes,
});

/** Ids of what is to say, without what is said of every server. */
export function idsOf(
  broker: BrokerName,
  inspection: LogInspection | QueueInspection,
  context: CheckContext = CONTEXT,
): string[] {
  const said = new Set(['kafka-version', 'rabbitmq-version', 'rabbitmq-server-limits']);
  return judge(broker, inspection, context)
    .map(({ id }) => id)
    .filter((id) => !said.has(id));
}
