import type { CreateBusOptions } from '../../container.js';
import type { BrokerName } from '../../contract/message.js';
import type { RigBusOptions } from './contract-rig.js';

type BusConfig = CreateBusOptions['config'];

/** Which brokers a rig has and how they are reached; without settings they are embedded. */
export interface RigAddress {
  readonly enabled: readonly BrokerName[];
  readonly feed: BrokerName;
  readonly brokers?: BusConfig['brokers'];
}

/** The configuration of a rig's bus: what `loadConfig` would make of it, with the deadlines of tests. */
export function busConfigOf(address: RigAddress, options: RigBusOptions): BusConfig {
  const { enabled, feed, brokers } = address;
  const { policy = 'all', primary, timeoutMs = 20_000, startTimeoutMs = 20_000 } = options;
  return {
    enabled,
    embedded: brokers === undefined,
    brokers: brokers ?? {},
    defaultBroker: options.feed ?? feed,
    flags: { overrides: {}, environment: {}, file: {} },
    topics: {},
    consumers: {},
    publish: {
      policy,
      ...(primary === undefined ? {} : { primary }),
      timeoutMs,
      bounds: { maxInFlight: 1_000, maxWaiting: 20_000, maxBytes: 64 * 1024 * 1024, ...options.bounds },
    },
    maxMessageAgeMs: 604_800_000,
    deadLetters: { maxReplays: 5, maxReplayAgeMs: 1_209_600_000 },
    start: { timeoutMs: startTimeoutMs },
    logLevel: 'silent',
    file: null,
    origins: {},
    warnings: [],
  };
}
