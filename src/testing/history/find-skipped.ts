import type { Finding } from './finding.js';
import type { Committed, Delivered, HistoryEvent, Settled } from './history-event.js';
import { mapOf } from './publishes.js';

/** Copies of one message up to this number may be let go of. */
type MayLetGo = Map<string, Map<string, number>>;

/** Finds copies that were let go of before their message was settled for them: SKIP. */
export function findSkipped(history: readonly HistoryEvent[]): Finding[] {
  const findings: Finding[] = [];
  const mayLetGo: MayLetGo = new Map();
  const held = new Map<string, Map<string, Delivered[]>>();
  for (const event of history) {
    const highest = highestSettled(event);
    if (highest !== undefined) raise(mayLetGo, event as { consumer: string; id: string }, highest);
    if (event.type === 'delivered') hold(held, event);
    if (event.type === 'settled' && !isSettled(mayLetGo, event)) findings.push(skipped(event, event));
    if (event.type === 'committed')
      for (const copy of letGo(held, event))
        if (!isSettled(mayLetGo, copy)) findings.push(skipped(copy, event));
  }
  return findings;
}

/** The highest copy that the event settles the message for; undefined when it settles none. */
function highestSettled(event: HistoryEvent): number | undefined {
  if (event.type === 'retry') return event.attempt - 1;
  const isEnd = event.type === 'effect' || event.type === 'dead-letter' || event.type === 'dropped';
  return isEnd ? Number.POSITIVE_INFINITY : undefined;
}

function raise(mayLetGo: MayLetGo, { consumer, id }: { consumer: string; id: string }, to: number): void {
  const attempts = mapOf(mayLetGo, consumer);
  attempts.set(id, Math.max(attempts.get(id) ?? 0, to));
}

function isSettled(mayLetGo: MayLetGo, { consumer, id, attempt = 1 }: Delivered | Settled): boolean {
  return (mayLetGo.get(consumer)?.get(id) ?? 0) >= attempt;
}

/** Keeps the copy among those of its log, lowest first: nearly always at the end. */
function hold(held: Map<string, Map<string, Delivered[]>>, copy: Delivered): void {
  if (copy.place === undefined || copy.position === undefined) return;
  const places = mapOf(held, copy.consumer);
  const copies = places.get(copy.place) ?? [];
  places.set(copy.place, copies);
  let at = copies.length;
  while (at > 0 && positionOf(copies[at - 1]) > copy.position) at -= 1;
  copies.splice(at, 0, copy);
}

/** Takes out the copies below the position. */
function letGo(held: Map<string, Map<string, Delivered[]>>, { consumer, place, position }: Committed) {
  const copies = held.get(consumer)?.get(place) ?? [];
  const kept = copies.findIndex((copy) => positionOf(copy) >= position);
  return copies.splice(0, kept === -1 ? copies.length : kept);
}

const positionOf = (copy: Delivered | undefined): number => copy?.position ?? 0;

function skipped(copy: Delivered | Settled, by: Settled | Committed): Finding {
  const { consumer, id } = copy;
  const how = by.type === 'committed' ? `committed ${by.place} up to ${by.position}` : 'let go of it';
  const what = `"${consumer}" ${how} before ${id} had an effect, a dead letter or a copy for later.`;
  return { kind: 'SKIP', consumer, id, events: copy === by ? [by] : [copy, by], what };
}
