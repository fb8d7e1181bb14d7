import { OWNED, type Records, type Wanted } from './record.js';

/** What settling writes; the time is the server's, so that our clock decides nothing. */
export const settledAs = (state: 'done' | 'dead') => ({
  $set: { state },
  $currentDate: { settledAt: true as const },
});

/** Which of these records a query finds. */
async function found(records: Records, query: object): Promise<ReadonlySet<string>> {
  const seen = await records.find(query, { projection: { _id: 1 } }).toArray();
  return new Set(seen.map(({ _id }) => _id));
}

const isIn = (keys: readonly string[], seen: ReadonlySet<string>): boolean[] =>
  keys.map((key) => seen.has(key));

/**
 * Moves records that the token owns to a later state. A bulk tells totals only; unless all were moved, those that are
 * there now with our token are the ones, be it by an earlier try whose answer was lost.
 */
export async function moveRecords(
  records: Records,
  { keys, token }: { keys: readonly string[]; token: string },
  state: 'done' | 'dead' | 'burying',
): Promise<boolean[]> {
  const owned = { _id: { $in: [...keys] }, token, state: { $in: OWNED } };
  const { matchedCount } = await records.updateMany(
    owned,
    state === 'burying' ? { $set: { state } } : settledAs(state),
  );
  if (matchedCount === keys.length) return keys.map(() => true);
  return isIn(keys, await found(records, { _id: { $in: [...keys] }, token, state }));
}

/** Gives records back that the token owns. What was given back in order is no sign of poison: its count begins anew. */
export async function releaseRecords(
  records: Records,
  wanted: readonly Wanted[],
  token: string,
): Promise<boolean[]> {
  const byAttempt = new Map<number, string[]>();
  for (const { key, attempt } of wanted) byAttempt.set(attempt, [...(byAttempt.get(attempt) ?? []), key]);
  const free = { token: null, releasedBy: token };
  const updates = [...byAttempt].flatMap(([attempt, keys]) => [
    {
      updateMany: {
        filter: { _id: { $in: keys }, token, state: 'claimed' as const },
        update: { $set: { ...free, state: 'open' as const, claims: 0 }, $max: { attempt } },
      },
    },
    {
      updateMany: {
        filter: { _id: { $in: keys }, token, state: 'burying' as const },
        update: { $set: free, $max: { attempt } },
      },
    },
  ]);
  const { matchedCount } = await records.bulkWrite(updates, { ordered: false });
  if (matchedCount === wanted.length) return wanted.map(() => true);
  const keys = wanted.map(({ key }) => key);
  return isIn(keys, await found(records, { _id: { $in: keys }, releasedBy: token }));
}
