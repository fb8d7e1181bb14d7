import type { HistoryEvent } from '../../../src/testing/index.js';
import { PATIENCE_MS } from './patience.js';
import type { KillPlan, Stop } from './plan.js';
import type { KilledRun } from './run-killable.js';
import { openStage, type Stage } from './stage.js';

/** They die, and have their effect when they are replayed. */
export const BAD_IDS: readonly string[] = ['bad-0', 'bad-1', 'bad-2', 'bad-3', 'bad-4', 'bad-5'];

/**
 * Kills an operator's process at a step of a replay, lets a second one replay again, and waits until every copy of every
 * message was let go of. Rejects when the step is not reached.
 */
export async function runKilledReplay(
  given: Omit<KillPlan, 'name'> & { readonly stop: Stop },
): Promise<KilledRun> {
  const stage = await openStage(given);
  const { history } = stage;
  try {
    await stage.start({ stops: false });
    await stage.publish(BAD_IDS);
    for (const id of BAD_IDS) await untilSettled(stage, id, 1);
    const first = await stage.start({ stops: true, role: 'operator' });
    await first.told.first((word) => word === 'reached', PATIENCE_MS);
    await first.end('SIGKILL');
    await stage.ageReplays();
    const second = await stage.start({ stops: false, role: 'operator' });
    const { code, stderr } = await second.ended;
    if (code !== 0) throw new Error(`The second operator ended with ${code}: ${stderr}`);
    // The copy whose confirmation the first operator did not live to see was sent by the second one as well.
    for (const id of BAD_IDS) await untilSettled(stage, id, id === given.stop.id ? 3 : 2);
    history.add({ type: 'healed' });
    return { history: [...history.items], effects: await stage.effects() };
  } finally {
    await stage.close();
  }
}

/** So many copies of the message were let go of. */
async function untilSettled({ history }: Stage, id: string, copies: number): Promise<void> {
  const count = (): number => history.items.filter((event) => isSettled(event, id)).length;
  while (count() < copies) await history.atLeast(history.items.length + 1, PATIENCE_MS);
}

const isSettled = (event: HistoryEvent, id: string): boolean => event.type === 'settled' && event.id === id;
