import { groupsOf } from './groups-of.js';
import { type HeldClaim, type InboxRecord, OWNED, type Records } from './record.js';

/** What settling writes; the time is the server's, so that our clock decides nothing. */
export const settledAs = (state: 'done' | 'dead') => ({
  $set: { state },
  $currentDate: { settledAt: true as const },
});

/** A claim that is given back for this attempt. */
export interface Release extends HeldClaim {
  readonly attempt: number;
}

const keysOf = (claims: readonly HeldClaim[]): string[] => claims.map(({ key }) => key);

/** Which claims a field of their records names, among the records that agree with `filter`. */
async function areNamedBy(
  records: Records,
  claims: readonly HeldClaim[],
  { field, filter }: { readonly field: 'token' | 'releasedBy'; readonly filter: object },
): Promise<boolean[]> {
  const query = { _id: { $in: keysOf(claims) }, ...filter };
  const found = await records.find<Partial<InboxRecord>>(query, { projection: { [field]: 1 } }).toArray();
  const tokens = new Map(found.map((record) => [record._id, record[field]]));
  return claims.map(({ key, token }) => tokens.get(key) === token);
}

/**
 * Moves records that still belong to their claims to a later state, in one call. It tells the total only; unless all were
 * moved, those that are there now with our token are the ones, be it by an earlier try whose answer was lost.
 */
export async function moveRecords(
  records: Records,
  claims: readonly HeldClaim[],
  state: 'done' | 'dead' | 'burying',
): Promise<boolean[]> {
  const update = state === 'burying' ? { $set: { state } } : settledAs(state);
  const updates = groupsOf(claims, ({ token }) => token).map((group) => ({
    updateMany: {
      filter: { _id: { $in: keysOf(group) }, token: group[0].token, state: { $in: OWNED } },
      update,
    },
  }));
  const { matchedCount } = await records.bulkWrite(updates, { ordered: false });
  if (matchedCount === claims.length) return claims.map(() => true);
  return areNamedBy(records, claims, { field: 'token', filter: { state } });
}

/** Gives records back to whose claims they belong. What was given back in order is no sign of poison: its count begins anew. */
export async function releaseRecords(records: Records, releases: readonly Release[]): Promise<boolean[]> {
  const groups = groupsOf(releases, ({ token, attempt }) => `${attempt} ${token}`);
  const updates = groups.flatMap((group) => {
    const [{ token, attempt }] = group;
    const keys = keysOf(group);
    const free = { token: null, releasedBy: token };
    return [
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
    ];
  });
  const { matchedCount } = await records.bulkWrite(updates, { ordered: false });
  if (matchedCount === releases.length) return releases.map(() => true);
  return areNamedBy(records, releases, { field: 'releasedBy', filter: {} });
}
