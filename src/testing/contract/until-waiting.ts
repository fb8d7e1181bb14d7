import type { AnyConsumer } from '../../contract/consumer.js';
import type { RigBroker } from './contract-rig.js';
import { untilHolds } from './until-holds.js';

/**
 * Resolves when so many copies wait for a consumer. A broker tells nobody when it has taken back what a closed connection
 * left unsettled, so it is asked until it says so.
 */
export const untilWaiting = (broker: RigBroker, consumer: AnyConsumer, count: number): Promise<void> =>
  untilCount(broker, consumer, { what: `${count}`, holds: (waiting) => waiting === count });

/** The same for at least so many: what was sent again after a lost answer may be there twice. */
export const untilStored = (broker: RigBroker, consumer: AnyConsumer, count: number): Promise<void> =>
  untilCount(broker, consumer, { what: `at least ${count}`, holds: (waiting) => waiting >= count });

async function untilCount(
  broker: RigBroker,
  consumer: AnyConsumer,
  wanted: { readonly what: string; readonly holds: (waiting: number) => boolean },
): Promise<void> {
  let last = -1;
  const holds = async (): Promise<boolean> => {
    last = await broker.waiting(consumer);
    return wanted.holds(last);
  };
  try {
    await untilHolds(`${wanted.what} copies wait for the consumer`, holds);
  } catch (error) {
    throw new Error(`${broker.product} has ${last} copies for ${consumer.name}, not ${wanted.what}`, {
      cause: error,
    });
  }
}
