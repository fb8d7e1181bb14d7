import { setTimeout as pause } from 'node:timers/promises';
import * as z from 'zod';
import { defineConsumer, defineTopic, type MessageBus, type Receipt } from '../src/index.js';
import type { Journal } from './journal.js';

const creditsSchema = z.object({
  user: z.string(),
  process: z.enum(['usage', 'top-up']),
  credits: z.number(),
  ended_at: z.iso.datetime().transform((text) => new Date(text)),
});

/** How many credits a finished process cost or brought. */
export const credits = defineTopic({
  name: 'demo_credits_process_end_topic',
  schema: creditsSchema,
  key: (process) => process.user,
  kafka: { partitions: 3 },
});

/** How long a booking takes, ms: a consumer that moves has handlers running. */
const BOOKING_MS = 15;

const CLOSED_ACCOUNT = 'user-of-a-closed-account';

/** Publishes the end of the process with this number. */
export function publishCredits(bus: MessageBus, number: number, id: string): Promise<Receipt> {
  const user = `user-${String((number * 7) % 50).padStart(3, '0')}`;
  return publishFor(bus, { user, number, id });
}

/** Publishes the end of a process whose user has no account any more: its consumer cannot ever handle it. */
export function publishCreditsOfNobody(bus: MessageBus, number: number, id: string): Promise<Receipt> {
  return publishFor(bus, { user: CLOSED_ACCOUNT, number, id });
}

function publishFor(bus: MessageBus, process: { user: string; number: number; id: string }) {
  const { user, number, id } = process;
  const isTopUp = number % 20 === 0;
  const data = {
    user,
    process: isTopUp ? ('top-up' as const) : ('usage' as const),
    credits: isTopUp ? 500 : -(1 + (number % 9)),
    ended_at: new Date().toISOString(),
  };
  return bus.publish(credits, data, { id });
}

/** Books credits; a closed account makes it throw until its attempts are used up. */
export function defineCreditsProcess(journal: Journal) {
  const balances = new Map<string, number>();
  return defineConsumer({
    name: 'demo-credits-process',
    topic: credits,
    group: 'demo-credits-process-group',
    retry: { inline: { attempts: 2, backoff: { initialMs: 20 } } },
    handle: async ({ id, data }) => {
      await pause(BOOKING_MS);
      if (data.user === CLOSED_ACCOUNT) throw new Error(`${data.user} has no account`);
      balances.set(data.user, (balances.get(data.user) ?? 0) + data.credits);
      journal.handled('demo-credits-process', id);
    },
  });
}
