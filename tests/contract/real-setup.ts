import type { BrokerName } from '../../src/contract/message.js';
import type { BrokerProfile, ContractSetup } from '../../src/testing/contract/contract-rig.js';
import { createRig } from '../../src/testing/contract/create-rig.js';
import type { RealBroker } from './real-broker.js';

/** Members that compete for one consumer: each has connections of its own. */
const INSTANCES = 5;

/** What a set-up of real servers is made of. */
export interface RealSetupOptions {
  readonly name: string;
  /** The broker that feeds consumers. */
  readonly feed: BrokerName;
  readonly profiles: readonly BrokerProfile[];
  /** Starts the servers, in the order of the profiles. */
  start(): Promise<readonly RealBroker[]>;
}

/** A set-up whose servers belong to it alone, so that it may kill them. */
export function realSetup({ name, feed, profiles, start }: RealSetupOptions): ContractSetup {
  let servers: readonly RealBroker[] = [];
  return {
    name,
    brokers: profiles,
    async start() {
      servers = await start();
    },
    async stop() {
      await Promise.all(servers.map((server) => server.dispose()));
    },
    async open() {
      const rig = createRig({
        brokers: servers.map(({ broker }) => broker),
        feed,
        instances: INSTANCES,
        reach: (options) => ({
          settings: Object.assign({}, ...servers.map((server) => server.settings(options))) as NonNullable<
            ReturnType<RealBroker['settings']>
          >,
        }),
      });
      for (const server of servers) rig.onClose(() => server.heal());
      return rig;
    },
  };
}
