import { BuscouplerError } from '../../contract/errors.js';
import type { KafkaLeg } from './leg.js';
import type { TopicFeed } from './topic-feed.js';

/** What a member of a group is made for. */
export interface MemberScope {
  /** In order of attaching. */
  readonly legs: ReadonlySet<KafkaLeg>;
  /** Who reads each topic: of several legs the one that was attached first, until it is detached. */
  readonly readers: ReadonlyMap<string, TopicFeed>;
}

/** What a member for these legs has to read. */
export function scopeOf(legs: ReadonlySet<KafkaLeg>): MemberScope {
  const readers = new Map<string, TopicFeed>();
  for (const { feeds } of legs) {
    for (const [topic, feed] of feeds) if (!readers.has(topic)) readers.set(topic, feed);
  }
  return { legs: new Set(legs), readers };
}

/** True if a member that was made for the one serves the other. */
export function isSameScope(one: MemberScope, other: MemberScope): boolean {
  if (one.legs.size !== other.legs.size || one.readers.size !== other.readers.size) return false;
  const isRead = [...other.readers].every(([topic, feed]) => one.readers.get(topic) === feed);
  return isRead && [...other.legs].every((leg) => one.legs.has(leg));
}

/**
 * A live and a draining leg of one consumer may overlap on its retry topics while it moves; nothing else is read twice in
 * one process. Throws BC_LIFECYCLE.
 */
export function refuseTwice(group: string, { readers }: MemberScope, leg: KafkaLeg): void {
  for (const topic of leg.feeds.keys()) {
    const reader = readers.get(topic);
    if (reader === undefined || (reader.consumer.name === leg.spec.consumer.name && leg.overlaps(topic)))
      continue;
    const what = `The group "${group}" already reads the topic "${topic}" in this process.`;
    throw new BuscouplerError('BC_LIFECYCLE', what);
  }
}
