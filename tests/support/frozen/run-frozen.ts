import type mongoose from 'mongoose';
import { untilHolds } from '../../../src/testing/contract/until-holds.js';
import { type HistoryEvent, recordHistory } from '../../../src/testing/index.js';
import { createFreeze, type Step } from './freeze.js';
import {
  embeddedQueues,
  type Fleet,
  type FrozenBroker,
  type Instance,
  LEASE_MS,
  openInstance,
} from './instance.js';

/** One owner that stands still, and one heir. */
export interface FrozenPlan {
  readonly connection: mongoose.Connection;
  /** Default: embedded queues. */
  readonly place?: FrozenBroker;
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
  const { place = embeddedQueues() } = plan;
  const { broker, topic } = place;
  const history = recordHistory();
  history.add({ type: 'consumer', consumer: 'billing', topic: topic.name });
  const fleet: Fleet = { place, connection, history, transaction };
  const freeze = createFreeze(step);
  const instances: Instance[] = [];
  const open = async (...asked: Parameters<typeof openInstance>): Promise<Instance> => {
    const instance = await openInstance(...asked);
    instances.push(instance);
    return instance;
  };
  try {
    const owner = await open(fleet, { freeze });
    await history.publish(owner.bus, topic, { data: { n: 1 }, id });
    await freeze.reached;
    owner.bus.consumer('billing').pause(); // who stands still takes nothing
    const heir = await open(fleet, heirFate === undefined ? {} : { fate: heirFate });
    // The broker delivers it again; the log has done so, when the heir joined.
    if (broker === 'rabbitmq') await history.publish(heir.bus, topic, { data: { n: 1 }, id });
    await heir.told.first((word) => word === 'busy', PATIENCE_MS);
    heir.pass(LEASE_MS);
    await heir.told.first((word) => word === 'settled', PATIENCE_MS);
    freeze.wake();
    if (broker === 'rabbitmq') {
      await owner.told.first((word) => word === 'settled', PATIENCE_MS);
      owner.bus.consumer('billing').resume();
    } else await owner.bus.close(); // it has lost its partition, and settles nothing
    await untilHolds('the queues are empty', () => isIdle(fleet, instances), PATIENCE_MS);
  } finally {
    await Promise.all(instances.map(({ bus }) => bus.close()));
  }
  history.add({ type: 'healed' });
  return {
    history: [...history.items],
    effects: await connection.collection('effects').countDocuments(),
    letters: place.letters(),
  };
}

function isIdle({ place }: Fleet, instances: readonly Instance[]): boolean {
  if (place.depth() > 0) return false;
  return instances.every(
    ({ bus }) => (bus.consumer('billing').status().legs[place.broker]?.unsettled ?? 0) === 0,
  );
}
