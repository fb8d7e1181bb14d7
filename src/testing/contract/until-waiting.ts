import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { AnyConsumer } from '../../contract/consumer.js';
import type { RigBroker } from './contract-rig.js';

const PATIENCE_MS = 10_000;
const ASK_AGAIN_MS = 20;

/**
 * Resolves when so many copies wait for a consumer. A broker tells nobody when it has taken back what a closed connection
 * left unsettled, so it is asked until it says so.
 */
export async function untilWaiting(broker: RigBroker, consumer: AnyConsumer, count: number): Promise<void> {
  const endMs = Date.now() + PATIENCE_MS;
  let waiting = await broker.waiting(consumer);
  while (waiting !== count && Date.now() < endMs) {
    await delay(ASK_AGAIN_MS);
    waiting = await broker.waiting(consumer);
  }
  assert.equal(waiting, count, `copies that wait for ${consumer.name} on ${broker.product}`);
}
