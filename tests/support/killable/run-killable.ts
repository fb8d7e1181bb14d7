import type { HistoryEvent } from '../../../src/testing/index.js';
import { CONSUMER, KEYS, keyOf } from './definitions.js';
import { PATIENCE_MS } from './patience.js';
import { fateOf, type KillPlan, type Stop } from './plan.js';
import { openStage, type Stage } from './stage.js';

/** What is published before the kill; the last part of an id also says its key. */
const IDS: readonly string[] = [
  'good-0',
  'good-1',
  'good-2',
  'late-3',
  'bad-4',
  'good-5',
  'good-6',
  'good-7',
  'late-8',
  'good-9',
  'good-10',
  'good-11',
];

/** Published last, one per key: once their second copies are let go of, nothing that came before is left anywhere. */
const LAST_IDS: readonly string[] = KEYS.map((_, place) => `late-${IDS.length + place}`);

/** Ids of all that must have an effect, sorted. */
export const EFFECT_IDS: readonly string[] = [...IDS, ...LAST_IDS]
  .filter((id) => fateOf(id) !== 'bad')
  .sort();

/** What came of a run. */
export interface KilledRun {
  /** Of the publisher and both processes. */
  readonly history: readonly HistoryEvent[];
  /** Ids of the effects in the database, in their order. */
  readonly effects: readonly string[];
}

/**
 * Kills a process at a step, lets a second one go on with the same plan, and waits until nothing is left to do. Rejects
 * when the step is not reached.
 */
export async function runKillable(
  given: Omit<KillPlan, 'name'> & { readonly stop: Stop },
): Promise<KilledRun> {
  const stage = await openStage(given);
  try {
    await killAtStep(stage);
    await finish(stage);
    return { history: [...stage.history.items], effects: await stage.effects() };
  } finally {
    await stage.close();
  }
}

async function killAtStep(stage: Stage): Promise<void> {
  const first = await stage.start({ stops: true });
  await stage.publish(IDS);
  await first.told.first((word) => word === 'reached', PATIENCE_MS);
  if (stage.plan.guarantee === 'record') await othersAreSettled(stage);
  const { signal } = await first.end('SIGKILL');
  if (signal !== 'SIGKILL') throw new Error('The process ended by itself.');
  for (const id of await untold(stage)) stage.history.add({ type: 'effect', consumer: CONSUMER, id });
}

/** Where effects are recorded after the handler, whatever else is between the two at the kill may repeat as well. */
async function othersAreSettled({ plan, history }: Stage): Promise<void> {
  const stopped = keyOf(plan.stop?.id ?? '');
  for (const id of IDS.filter((one) => keyOf(one) !== stopped))
    await history.first((event) => isLastCopy(event, id), PATIENCE_MS);
}

/** Effects in the database that the process could not tell of any more. */
async function untold({ history, effects }: Stage): Promise<string[]> {
  const told = new Set(history.items.flatMap((event) => (event.type === 'effect' ? [event.id] : [])));
  return (await effects()).filter((id) => !told.has(id));
}

async function finish({ start, publish, history }: Stage): Promise<void> {
  const second = await start({ stops: false });
  await publish(LAST_IDS);
  for (const id of LAST_IDS) await history.first((event) => isLastCopy(event, id), PATIENCE_MS);
  const { code } = await second.end('SIGTERM');
  if (code !== 0) throw new Error(`The second process ended with ${code}.`);
  history.add({ type: 'healed' });
}

const isLastCopy = (event: HistoryEvent, id: string): boolean =>
  event.type === 'settled' && event.id === id && event.attempt === (fateOf(id) === 'late' ? 2 : 1);
