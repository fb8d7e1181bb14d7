import type { AnyConsumer } from '../../contract/consumer.js';
import type { RigBroker } from './contract-rig.js';
import { untilHolds } from './until-holds.js';

/**
 * Resolves when so many copies wait for a consumer. A broker tells nobody when it has taken back what a closed connection
 * left unsettled, so it is asked until it says so.
 */
export async function untilWaiting(broker: RigBroker, consumer: AnyConsumer, count: number): Promise<void> {
  let last = -1;
  const holds = async (): Promise<boolean> => {
    last = await broker.waiting(consumer);
    return last === count;
  };
  try {
    await untilHolds(`${count} copies wait for the consumer`, holds);
  } catch (error) {
    throw new Error(`${broker.product} has ${last} copies for ${consumer.name}, not ${count}`, {
      cause: error,
    });
  }
}
