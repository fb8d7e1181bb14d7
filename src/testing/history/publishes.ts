import type { HistoryEvent, PublishEnded, PublishInvoked } from './history-event.js';

/** What a history says of the publishes of one id. */
export interface Publishes {
  /** The first call. */
  readonly invoked: PublishInvoked;
  /** Its number among all first calls. */
  readonly order: number;
  /** How often it was called. */
  calls: number;
  /** The best end so far; undefined while none is known, which is the same as uncertain. */
  ended: PublishEnded | undefined;
}

const RANK = { 'publish-failed': 1, 'publish-uncertain': 2, 'publish-ok': 3 } as const;

/** Reads the publishes of every id. */
export function readPublishes(history: readonly HistoryEvent[]): ReadonlyMap<string, Publishes> {
  const publishes = new Map<string, Publishes>();
  for (const event of history) {
    if (event.type === 'publish-invoked') {
      const known = publishes.get(event.id);
      if (known) known.calls += 1;
      else publishes.set(event.id, { invoked: event, order: publishes.size, calls: 1, ended: undefined });
    } else if (isEnd(event)) {
      const known = publishes.get(event.id);
      if (known && (!known.ended || RANK[event.type] > RANK[known.ended.type])) known.ended = event;
    }
  }
  return publishes;
}

function isEnd(event: HistoryEvent): event is PublishEnded {
  return Object.hasOwn(RANK, event.type);
}

/** The map of one consumer, made when it is first asked for. */
export function mapOf<Value>(maps: Map<string, Map<string, Value>>, consumer: string): Map<string, Value> {
  const known = maps.get(consumer);
  if (known) return known;
  const made = new Map<string, Value>();
  maps.set(consumer, made);
  return made;
}
