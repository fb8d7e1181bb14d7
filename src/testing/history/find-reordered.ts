import type { Finding } from './finding.js';
import type { Delivered, HistoryEvent } from './history-event.js';
import { mapOf, type Publishes } from './publishes.js';

/** The latest message of a key and producer that was delivered so far. */
interface Latest {
  readonly order: number;
  readonly delivered: Delivered;
}

/** Finds first deliveries that came after a later message of their key and producer: REORDER. */
export function findReordered(
  history: readonly HistoryEvent[],
  publishes: ReadonlyMap<string, Publishes>,
): Finding[] {
  const findings: Finding[] = [];
  const seen = new Map<string, Map<string, true>>();
  const lanes = new Map<string, Map<string, Latest>>();
  for (const event of history) {
    if (event.type !== 'delivered') continue;
    const ids = mapOf(seen, event.consumer);
    if (ids.has(event.id)) continue;
    ids.set(event.id, true);
    const published = publishes.get(event.id);
    const lane = published && laneOf(published);
    if (published === undefined || lane === undefined) continue;
    const latest = mapOf(lanes, event.consumer);
    const before = latest.get(lane);
    if (before && before.order > published.order) findings.push(reordered(before.delivered, event));
    else latest.set(lane, { order: published.order, delivered: event });
  }
  return findings;
}

/** Undefined for what no order is promised for: no key, a publish that was repeated or not acknowledged. */
function laneOf({ invoked, calls, ended }: Publishes): string | undefined {
  const { topic, key, producer = '' } = invoked;
  if (key === undefined || calls > 1 || ended?.type !== 'publish-ok') return undefined;
  return JSON.stringify([topic, producer, key]);
}

function reordered(before: Delivered, late: Delivered): Finding {
  const { consumer, id } = late;
  const what = `${id} was first delivered to "${consumer}" after ${before.id}, which was published later with its key.`;
  return { kind: 'REORDER', consumer, id, events: [before, late], what };
}
