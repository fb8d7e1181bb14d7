import type mongoose from 'mongoose';
import { systemClock } from '../../../src/delivery/system-clock.js';
import { untilHolds } from '../../../src/testing/contract/until-holds.js';
import { createQueueStore, type HistoryEvent, recordHistory } from '../../../src/testing/index.js';
import { createFreeze, type Step } from './freeze.js';
import { type Fleet, GROUP, type Instance, LEASE_MS, openInstance, orders } from './instance.js';

/** One owner that stands still, and one heir. */
export interface FrozenPlan {
  readonly connection: mongoose.Connection;
  readonly transaction: boolean;
  readonly step: Step;
  readonly id: string;
  /** What the heir makes of the message; default: what its id says. */
  readonly heirFate?: 'good' | 'bad';
}

/** What came of it. */
export interface FrozenRun {
  readonly history: readonly HistoryEvent[];
  /** Effects in the database. */
  readonly effects: number;
  readonly letters: number;
}

/** Longest wait for anything; a transaction that nobody ends any more keeps others away for some seconds, ms. */
const PATIENCE_MS = 30_000;

/**
 * An owner stands still at a step for longer than its lease, its message comes to another instance, which ends it, and then
 * the owner wakes. Resolves when nothing is left in the queues.
 */
export async function runFrozen(plan: FrozenPlan): Promise<FrozenRun> {
  const { connection, transaction, step, id, heirFate } = plan;
  const store = createQueueStore({ clock: systemClock });
  const history = recordHistory();
  history.add({ type: 'consumer', consumer: 'billing', topic: orders.name });
  const fleet: Fleet = { store, connection, history, transaction };
  const freeze = createFreeze(step);
  const instances: Instance[] = [];
  const open = async (...asked: Parameters<typeof openInstance>): Promise<Instance> => {
    const instance = await openInstance(...asked);
    instances.push(instance);
    return instance;
  };
  try {
    const owner = await open(fleet, { freeze });
    await history.publish(owner.bus, orders, { data: { n: 1 }, id });
    await freeze.reached;
    owner.bus.consumer('billing').pause(); // who stands still takes nothing
    const heir = await open(fleet, heirFate === undefined ? {} : { fate: heirFate });
    await history.publish(heir.bus, orders, { data: { n: 1 }, id }); // the broker delivers it again
    await heir.told.first((word) => word === 'busy', PATIENCE_MS);
    heir.pass(LEASE_MS);
    await heir.told.first((word) => word === 'settled', PATIENCE_MS);
    freeze.wake();
    await owner.told.first((word) => word === 'settled', PATIENCE_MS);
    owner.bus.consumer('billing').resume();
    await untilHolds('the queues are empty', () => isIdle(fleet, instances), PATIENCE_MS);
  } finally {
    await Promise.all(instances.map(({ bus }) => bus.close()));
  }
  history.add({ type: 'healed' });
  return {
    history: [...history.items],
    effects: await connection.collection('effects').countDocuments(),
    letters: store.depth(`${GROUP}_dlq`),
  };
}

function isIdle({ store }: Fleet, instances: readonly Instance[]): boolean {
  if (store.depth(GROUP) + store.depth(`${GROUP}_retry_50ms`) > 0) return false;
  return instances.every(({ bus }) => bus.consumer('billing').status().legs.rabbitmq?.unsettled === 0);
}
