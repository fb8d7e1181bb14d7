import * as z from 'zod';
import { defineTopic } from '../src/index.js';

/** What every row publishes: 200 bytes as JSON. */
export interface Usage {
  readonly user: string;
  readonly feature_endpoint: string;
  readonly email: string;
  readonly sequence: number;
  readonly note: string;
}

export const usageSchema = z.object({
  user: z.string(),
  feature_endpoint: z.string(),
  email: z.string(),
  sequence: z.number().int(),
  note: z.string(),
});

const BODY_BYTES = 200;
const USERS = 1_000;

/** The message of this number; its body has exactly 200 bytes. */
export function usageOf(sequence: number): Usage {
  const user = `user-${String(sequence % USERS).padStart(4, '0')}`;
  const bare = { user, feature_endpoint: '/v1/summarise', email: `${user}@example.test`, sequence, note: '' };
  return { ...bare, note: 'x'.repeat(Math.max(0, BODY_BYTES - JSON.stringify(bare).length)) };
}

/** Messages made beforehand, so that no side pays for making them. */
export const makeUsages = (count: number): readonly Usage[] =>
  Array.from({ length: count }, (_, n) => usageOf(n));

/** A topic definition under a name of its own. */
export const usageTopic = (name: string) =>
  defineTopic({
    name,
    schema: usageSchema,
    key: (usage) => usage.user,
    kafka: { partitions: 12, replicationFactor: 1 },
  });

/** Adds up what was sent or received, whatever its order: a count and a sum over the bodies. */
export class Tally {
  count = 0;
  sum = 0;

  add(body: Uint8Array): void {
    let hash = 0x811c9dc5;
    for (const byte of body) hash = Math.imul(hash ^ byte, 0x01000193);
    this.count += 1;
    this.sum = (this.sum + (hash >>> 0)) % Number.MAX_SAFE_INTEGER;
  }

  /** Throws unless both saw the same messages: a row that lost or altered one is void. */
  mustEqual(other: Tally, side: string): void {
    if (this.count === other.count && this.sum === other.sum) return;
    throw new Error(
      `void: ${side} stored ${other.count} messages (sum ${other.sum}), sent ${this.count} (sum ${this.sum})`,
    );
  }
}

/** The tally of these messages. */
export function tallyOf(usages: readonly Usage[]): Tally {
  const tally = new Tally();
  for (const usage of usages) tally.add(Buffer.from(JSON.stringify(usage)));
  return tally;
}

/** Runs `callers` callers, each of which awaits its call before the next; resolves with calls per second. */
export async function callConcurrently(
  usages: readonly Usage[],
  callers: number,
  call: (usage: Usage) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < usages.length) {
      const usage = usages[next] as Usage;
      next += 1;
      await call(usage);
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: Math.min(callers, usages.length) }, caller));
  return (usages.length * 1_000) / (performance.now() - startedMs);
}

/** A whole number from 0 that says nothing of the order of the sequence, the same in every run (Knuth's multiplicative hash). */
export const scatter = (sequence: number): number => Math.imul(sequence, 2_654_435_761) >>> 0;
