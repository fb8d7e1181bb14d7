import { createLogBroker, LOG_CAPABILITIES } from '../../adapters/memory/log-broker.js';
import { createLogStore } from '../../adapters/memory/log-store.js';
import { createQueueBroker, QUEUE_CAPABILITIES } from '../../adapters/memory/queue-broker.js';
import { createQueueStore } from '../../adapters/memory/queue-store.js';
import type { BrokerName } from '../../contract/message.js';
import { systemClock } from '../../delivery/system-clock.js';
import type { BrokerProfile, ContractSetup, RigBroker } from './contract-rig.js';
import { createRig, type RigParts } from './create-rig.js';
import { embeddedLog } from './embedded-log.js';
import { embeddedQueues } from './embedded-queues.js';

/** Members that compete for one consumer: embedded ones cost next to nothing. */
const INSTANCES = 50;

const COMMON_FAULTS = [
  'holdReplies',
  'loseReply',
  'dropConnections',
  'cut',
  'block',
  'kill',
  'restart',
  'breakDeadLetters',
  'removeFeed',
] as const;

const LOG_PROFILE: BrokerProfile = {
  name: 'kafka',
  product: 'log',
  capabilities: LOG_CAPABILITIES,
  maxMessageBytes: 1024 * 1024,
  faults: [...COMMON_FAULTS, 'refuse'],
};

const QUEUE_PROFILE: BrokerProfile = {
  name: 'rabbitmq',
  product: 'queue',
  capabilities: QUEUE_CAPABILITIES,
  maxMessageBytes: 16 * 1024 * 1024,
  faults: [...COMMON_FAULTS, 'fillQueue'],
};

interface Embedded {
  readonly broker: RigBroker;
  readonly served: NonNullable<ReturnType<RigParts['reach']>['served']>;
}

function openLog(): Embedded {
  const store = createLogStore({ clock: systemClock });
  const broker = embeddedLog(LOG_PROFILE, store);
  return { broker, served: { kafka: (parts) => createLogBroker({ ...parts, store }) } };
}

function openQueues(): Embedded {
  const store = createQueueStore({ clock: systemClock });
  const broker = embeddedQueues(QUEUE_PROFILE, store);
  return { broker, served: { rabbitmq: (parts) => createQueueBroker({ ...parts, store }) } };
}

function embeddedSetup(name: string, feed: BrokerName, open: readonly (() => Embedded)[]): ContractSetup {
  const opened = open.map((one) => one());
  return {
    name,
    brokers: opened.map(({ broker }) => broker),
    start: async () => undefined,
    stop: async () => undefined,
    async open() {
      const embedded = open.map((one) => one());
      const served = Object.assign({}, ...embedded.map((one) => one.served)) as Embedded['served'];
      return createRig({
        brokers: embedded.map(({ broker }) => broker),
        feed,
        instances: INSTANCES,
        reach: () => ({ served }),
      });
    },
  };
}

/** The embedded log alone. */
export const embeddedLogSetup = (): ContractSetup => embeddedSetup('embedded log', 'kafka', [openLog]);

/** The embedded queues alone. */
export const embeddedQueueSetup = (): ContractSetup =>
  embeddedSetup('embedded queues', 'rabbitmq', [openQueues]);

/** Both behind the routed bus; `feed` feeds the consumers. */
export const embeddedDualSetup = (feed: BrokerName): ContractSetup =>
  embeddedSetup(`embedded log and queues, fed by ${feed === 'kafka' ? 'the log' : 'the queues'}`, feed, [
    openLog,
    openQueues,
  ]);
