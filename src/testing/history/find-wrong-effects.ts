import type { Finding } from './finding.js';
import type { Effect, HistoryEvent } from './history-event.js';
import { mapOf, type Publishes } from './publishes.js';

/** Finds effects that should not be: PHANTOM and DOUBLE. */
export function findWrongEffects(
  history: readonly HistoryEvent[],
  publishes: ReadonlyMap<string, Publishes>,
): Finding[] {
  const findings: Finding[] = [];
  const firsts = new Map<string, Map<string, Effect>>();
  for (const event of history) {
    if (event.type !== 'effect') continue;
    const effects = mapOf(firsts, event.consumer);
    const generation = `${event.generation ?? 0} ${event.id}`;
    const first = effects.get(generation);
    if (first) findings.push(double(first, event));
    else {
      effects.set(generation, event);
      const finding = phantom(event, publishes.get(event.id));
      if (finding) findings.push(finding);
    }
  }
  return findings;
}

function double(first: Effect, second: Effect): Finding {
  const { consumer, id } = second;
  const what = `${id} had a second effect by "${consumer}".`;
  return { kind: 'DOUBLE', consumer, id, events: [first, second], what };
}

function phantom(effect: Effect, publishes: Publishes | undefined): Finding | undefined {
  const { consumer, id } = effect;
  if (publishes === undefined) {
    const what = `${id} had an effect by "${consumer}" and was never published.`;
    return { kind: 'PHANTOM', consumer, id, events: [effect], what };
  }
  const { invoked, ended } = publishes;
  if (ended?.type !== 'publish-failed') return undefined;
  const what = `${id} had an effect by "${consumer}" although its publish failed with nothing stored.`;
  return { kind: 'PHANTOM', consumer, id, events: [invoked, ended, effect], what };
}
