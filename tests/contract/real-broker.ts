import type { PublishBounds } from '../../src/contract/settings.js';
import { systemClock } from '../../src/delivery/system-clock.js';
import type { RigBroker, RigBusOptions } from '../../src/testing/contract/contract-rig.js';
import type { RigParts } from '../../src/testing/contract/create-rig.js';

type Reach = ReturnType<RigParts['reach']>;

/** A server that belongs to one contract file, with what the rig knows of it. */
export interface RealBroker {
  readonly broker: RigBroker;
  /** The settings with which a bus reaches it, through the proxy. */
  settings(options: RigBusOptions): NonNullable<Reach['settings']>;
  /** Ends every fault and brings it back if it is down. */
  heal(): Promise<void>;
  dispose(): Promise<void>;
}

/** The parts with which an adapter is made to ask it for its capabilities; it is never connected. */
export const idleParts = {
  clock: systemClock,
  random: Math.random,
  bounds: { maxInFlight: 1, maxWaiting: 1, maxBytes: 1 } satisfies PublishBounds,
  logger: {
    level: 'silent',
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
    isLevelEnabled: () => false,
  },
  emit: () => undefined,
};
