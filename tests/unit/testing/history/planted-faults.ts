import type { FindingKind, HistoryEvent } from '../../../../src/testing/index.js';

/** A message on which a fault is planted: acknowledged, and handled without a retry. */
export interface Victim {
  readonly consumer: string;
  readonly id: string;
  readonly key: string;
  /** A message of its key that was first delivered later than it. */
  readonly later: string;
}

type Plant = (history: HistoryEvent[], victim: Victim) => HistoryEvent[];

const concerns =
  ({ consumer, id }: Victim) =>
  (event: HistoryEvent): boolean =>
    'consumer' in event && 'id' in event && event.consumer === consumer && event.id === id;

/** Without what happened to the victim at its consumer, but for events of these types. */
const without = (history: HistoryEvent[], victim: Victim, but: readonly string[] = []): HistoryEvent[] =>
  history.filter((event) => but.includes(event.type) || !concerns(victim)(event));

const asUncertain = (history: HistoryEvent[], id: string): HistoryEvent[] =>
  history.map((event) =>
    event.type === 'publish-ok' && event.id === id ? { type: 'publish-uncertain', id } : event,
  );

/** Each plants one fault of its kind and no other. */
export const PLANTS: Readonly<Record<FindingKind, Plant>> = {
  LOST: (history, victim) => without(history, victim),
  STRANDED: (history, victim) => {
    const { consumer, id } = victim;
    const rest = asUncertain(without(history, victim), id);
    return [...rest, { type: 'delivered', consumer, id }];
  },
  LIVENESS: (history, victim) => {
    const { consumer, id } = victim;
    // Only this one waits: the others had no time.
    const rest = without(history, victim).filter(({ type }) => type !== 'waiting');
    const late = rest.filter((event) => !('id' in event && event.id === 'late'));
    return [...late, { type: 'healed' }, { type: 'waiting', consumer, id }];
  },
  PHANTOM: (history, { consumer, id }) => [...history, { type: 'effect', consumer, id: `${id}-never` }],
  DOUBLE: (history, { consumer, id }) => [...history, { type: 'effect', consumer, id }],
  SKIP: (history, victim) => {
    const { consumer, id } = victim;
    const rest = history.filter((event) => !(event.type === 'effect' && concerns(victim)(event)));
    return [...rest, { type: 'effect', consumer, id }];
  },
  REORDER: (history, { consumer, id, later }) => {
    const at = history.findIndex(
      (event) => event.type === 'delivered' && event.consumer === consumer && event.id === id,
    );
    return history.toSpliced(at, 0, { type: 'delivered', consumer, id: later });
  },
};

/** Messages on which every fault can be planted, at most one of each key: faults of different keys do not touch one another. */
export function victimsOf(history: readonly HistoryEvent[], consumer: string): Victim[] {
  const keys = new Map<string, string>();
  const isAcked = new Set<string>();
  const isRepeated = new Set<string>();
  const deliveries = new Map<string, number>();
  const isPlain = new Set<string>();
  for (const event of history) {
    if (event.type === 'publish-invoked' && event.key !== undefined) keys.set(event.id, event.key);
    if (event.type === 'publish-uncertain') isRepeated.add(event.id);
    if (event.type === 'publish-ok' && !isRepeated.has(event.id)) isAcked.add(event.id);
    if (!('consumer' in event) || event.consumer !== consumer) continue;
    if (event.type === 'delivered') deliveries.set(event.id, (deliveries.get(event.id) ?? 0) + 1);
    if (event.type === 'effect' && event.generation === undefined) isPlain.add(event.id);
  }
  const isFit = (id: string): boolean => isAcked.has(id) && isPlain.has(id) && deliveries.get(id) === 1;
  const order = [...deliveries.keys()].filter((id) => isAcked.has(id));
  const victims = new Map<string, Victim>();
  for (const [at, id] of order.entries()) {
    const key = keys.get(id);
    if (key === undefined || !isFit(id) || victims.has(key)) continue;
    const later = order.slice(at + 1).find((other) => keys.get(other) === key);
    if (later !== undefined) victims.set(key, { consumer, id, key, later });
  }
  return [...victims.values()];
}
