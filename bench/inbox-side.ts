import type mongoose from 'mongoose';
import type { Inbox } from '../src/index.js';
import type { Side } from './contest.js';
import { uniqueName } from './names.js';

const IN_FLIGHT = 16;

/** Claims of one call, as the bus asks for with so many transactions at a time. */
const CLAIM_BULK = 100;

/** Runs `callers` loops over `count` units of work, each taking `size` at a time; resolves with units per second. */
async function rate(
  { count, size, callers }: { count: number; size: number; callers: number },
  work: (from: number, size: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < count) {
      const from = next;
      next += size;
      await work(from, Math.min(size, count - from));
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: callers }, caller));
  return (count * 1_000) / (performance.now() - startedMs);
}

const copiesFrom = (round: string, from: number, size: number) =>
  Array.from({ length: size }, (_, n) => ({ id: `${round}-${from + n}`, generation: 0, attempt: 1 }));

/** Claims and marks; anything but success makes the row void. */
async function pass(inbox: Inbox, copies: ReturnType<typeof copiesFrom>): Promise<void> {
  const token = uniqueName('token');
  const outcomes = await inbox.claim('bench', copies, token);
  const marks = await inbox.markDone(
    'bench',
    copies.map((copy) => ({ copy, token })),
  );
  if (outcomes.some((one) => one !== 'claimed') || marks.includes(false))
    throw new Error('void: not claimed');
}

/** The store alone: `callers` loops that claim and mark bulks of `size`. */
export const bulkSide = (
  inbox: Inbox,
  { size, callers }: { readonly size: number; readonly callers: number },
): Side => ({
  name: `bulks of ${size}`,
  open: async () => inbox.start(),
  round: (count) => {
    const round = uniqueName('message');
    return rate({ count, size, callers }, (from, some) => pass(inbox, copiesFrom(round, from, some)));
  },
  close: async () => undefined,
});

/** Claims in bulks, each while the one before it is worked off, as a consumer's deliveries wait for their turn. */
function claimAhead(inbox: Inbox, round: string, count: number) {
  const bulks: Promise<string>[] = [];
  const bulk = (place: number): Promise<string> => {
    bulks[place] ??= (async () => {
      const token = uniqueName('token');
      const from = place * CLAIM_BULK;
      await inbox.claim('bench', copiesFrom(round, from, Math.min(CLAIM_BULK, count - from)), token);
      return token;
    })();
    return bulks[place];
  };
  return async (n: number): Promise<{ id: string; token: string }> => {
    const place = Math.floor(n / CLAIM_BULK);
    if ((place + 1) * CLAIM_BULK < count) void bulk(place + 1);
    return { id: `${round}-${n}`, token: await bulk(place) };
  };
}

/** A transaction with the handler's one insert, settled by its first write under the token of the bulk that claimed it. */
export function transactionSide(connection: mongoose.Connection, inbox: Inbox): Side {
  const effects = connection.collection(uniqueName('effects'));
  const settled = async ({ id, token }: { id: string; token: string }, n: number) => {
    const transaction = await inbox.transactions?.begin('bench', { id, generation: 0, attempt: 1 }, token);
    if (transaction === null || transaction === undefined) throw new Error('void: not ours');
    await effects.insertOne({ n }, { session: transaction.session });
    await transaction.commit(new AbortController().signal);
  };
  return {
    name: 'with the inbox',
    open: async () => {
      await effects.createIndex({ n: 1 });
      await inbox.start();
    },
    round: async (count) => {
      const round = uniqueName('message');
      const claimed = claimAhead(inbox, round, count);
      return rate({ count, size: 1, callers: IN_FLIGHT }, async (from) => settled(await claimed(from), from));
    },
    close: async () => undefined,
  };
}

/**
 * The same two writes without bus and store: a message whose record is there already is marked as done, and the handler
 * inserts. The records are made before the time runs.
 */
export function bareTransactionSide(connection: mongoose.Connection): Side {
  const effects = connection.collection(uniqueName('effects'));
  const marks = connection.collection<{ _id: string; state: string; settledAt?: Date }>(uniqueName('marks'));
  const settle = async (_id: string, n: number): Promise<void> => {
    const session = await connection.startSession();
    session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } });
    const done = { $set: { state: 'done' }, $currentDate: { settledAt: true as const } };
    const { matchedCount } = await marks.updateOne({ _id, state: 'claimed' }, done, { session });
    if (matchedCount !== 1) throw new Error('void: not marked');
    await effects.insertOne({ n }, { session });
    await session.commitTransaction();
    await session.endSession();
  };
  return {
    name: 'bare transactions',
    open: async () => {
      await effects.createIndex({ n: 1 });
      await marks.createIndex({ settledAt: 1 }, { sparse: true, expireAfterSeconds: 86_400 });
    },
    round: async (count) => {
      const ids = copiesFrom(uniqueName('message'), 0, count).map(({ id }) => id);
      await marks.insertMany(ids.map((_id) => ({ _id, state: 'claimed' })));
      return rate({ count, size: 1, callers: IN_FLIGHT }, (n) => settle(ids[n] as string, n));
    },
    close: async () => undefined,
  };
}
