import { randomBytes } from 'node:crypto';
import { type CreateBusOptions, createBus } from '../../container.js';
import type { DeadLetterDesk } from '../../contract/dead-letter-desk.js';
import { describeError } from '../../contract/errors.js';
import type { BusEventName } from '../../contract/events.js';
import type { Logger } from '../../contract/logger.js';
import type { BrokerName } from '../../contract/message.js';
import type { MessageBus } from '../../contract/message-bus.js';
import { memoryInbox } from '../../inbox/memory-inbox.js';
import { openDesk } from '../../open-desk.js';
import { busConfigOf } from './bus-config.js';
import type { ContractRig, RigBroker, RigBusOptions } from './contract-rig.js';

/** What the rigs differ in. */
export interface RigParts {
  readonly brokers: readonly RigBroker[];
  /** The broker that feeds consumers. */
  readonly feed: BrokerName;
  readonly instances: number;
  /** How a bus reaches the brokers: their settings, or the embedded ones that the rig holds. */
  reach(options: RigBusOptions): {
    readonly settings?: CreateBusOptions['config']['brokers'];
    readonly served?: NonNullable<CreateBusOptions['brokers']>;
  };
}

/** How long a bus of a closed rig may take to finish, ms. */
const CLOSE_MS = 2_000;

/** Events that explain why a case failed. */
const TROUBLE: readonly BusEventName[] = [
  'broker-lost',
  'broker-recovered',
  'broker-degraded',
  'consumer-failed',
  'consumer-paused',
  'partition-paused',
  'attempt-failed',
  'dead-letter-failed',
  'copy-lost',
  'warning',
];

/** Lines that a failure shows at most. */
const TROUBLE_SHOWN = 20;

/** One line of an event. */
function describeEvent(name: BusEventName, event: object): string {
  const fields = Object.entries(event).map(([field, value]) => `${field} ${describeField(value)}`);
  return `${name}: ${fields.join(', ')}`;
}

const describeField = (value: unknown): string =>
  value instanceof Error ? describeError(value) : String(value);

/** Writes nothing. */
const quiet: Logger = {
  level: 'silent',
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  isLevelEnabled: () => false,
};

/** Makes a rig of its parts: names, buses and their end. */
export function createRig(parts: RigParts): ContractRig {
  const teardowns: (() => Promise<unknown> | unknown)[] = [];
  const feed = parts.brokers.find(({ name }) => name === parts.feed);
  if (feed === undefined) throw new RangeError(`this rig has no broker ${parts.feed}`);
  let names = 0;
  const trouble: string[] = [];
  const suffix = randomBytes(4).toString('hex');

  const busOptionsOf = (options: RigBusOptions): CreateBusOptions => {
    const { settings, served } = parts.reach(options);
    const address = {
      enabled: parts.brokers.map(({ name }) => name),
      feed: parts.feed,
      ...(settings && { brokers: settings }),
    };
    const { inbox = memoryInbox() } = options;
    return {
      config: busConfigOf(address, options),
      topics: options.topics ?? [],
      consumers: options.consumers ?? [],
      ...(inbox === null ? {} : { inbox }),
      logger: options.logger ?? quiet,
      ...(served && { brokers: served }),
    };
  };

  const openBus = async (options: RigBusOptions): Promise<MessageBus> => {
    const bus = await createBus(busOptionsOf(options));
    for (const name of TROUBLE) bus.on(name, (event) => void trouble.push(describeEvent(name, event)));
    teardowns.push(() => bus.close({ deadlineMs: CLOSE_MS }));
    return bus;
  };

  const openRigDesk = async (options: RigBusOptions): Promise<DeadLetterDesk> => {
    const desk = await openDesk(busOptionsOf(options));
    teardowns.push(() => desk.close());
    return desk;
  };

  return {
    brokers: parts.brokers,
    feed,
    instances: parts.instances,
    uniqueName(stem) {
      names += 1;
      return `${stem}_${suffix}_${names}`;
    },
    openBus,
    openDesk: openRigDesk,
    trouble: () => trouble.slice(-TROUBLE_SHOWN),
    onClose: (teardown) => void teardowns.push(teardown),
    async close() {
      for (const teardown of teardowns.splice(0).reverse()) await teardown();
    },
  };
}
