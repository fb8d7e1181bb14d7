import type mongoose from 'mongoose';
import {
  type AccountRecord,
  type CreditsCollections,
  type OpenRequest,
  requestKey,
} from './credits-process.model.js';

const EXPIRE_MAX = 1_000;

/** What a time that has come does to a request. */
interface Expiry {
  readonly field: 'expiresAt' | 'forgetAt';
  readonly update: mongoose.mongo.UpdateFilter<AccountRecord>;
  readonly from: 'reserved' | 'expired';
  readonly to: 'expired' | 'abandoned';
}

const expired: Expiry = {
  field: 'expiresAt',
  update: { $set: { 'open.$.reserved': 0, 'open.$.expiresAt': null } },
  from: 'reserved',
  to: 'expired',
};

const abandoned = (hold: string): Expiry => ({
  field: 'forgetAt',
  update: { $pull: { open: { hold } } },
  from: 'expired',
  to: 'abandoned',
});

/** An open request, as it was read from its user's account. */
interface Due {
  readonly user: string;
  readonly open: OpenRequest;
}

/** Gives back what is held past its time, then forgets what is open past its own; how many requests it moved, at most 1,000. */
export async function expireRequests(
  collections: CreditsCollections,
  nowMs: number,
  onWrite: (what: string) => void | Promise<void>,
): Promise<number> {
  let moved = 0;
  for (const [field, expiryOf] of [['expiresAt', () => expired] as const, ['forgetAt', abandoned] as const])
    for await (const due of dueRequests(collections, field, { nowMs, most: EXPIRE_MAX - moved })) {
      const expiry = expiryOf(due.open.hold);
      if (!(await moveInAccount(collections, due, expiry))) continue;
      await onWrite('expire');
      await tellRequest(collections, due, expiry);
      moved += 1;
    }
  return moved;
}

function dueRequests(
  { accounts }: CreditsCollections,
  field: Expiry['field'],
  { nowMs, most }: { readonly nowMs: number; readonly most: number },
) {
  const due = { $match: { [`open.${field}`]: { $lte: new Date(nowMs) } } };
  const stages = [due, { $unwind: '$open' }, due, { $limit: Math.max(1, most) }];
  const found = accounts.aggregate<{ _id: string; open: OpenRequest }>(stages);
  return found.map(({ _id: user, open }) => ({ user, open }));
}

/** False if the request does not stand there any more as it was read. */
async function moveInAccount(
  { accounts }: CreditsCollections,
  { user, open: { request, hold, reserved, endId } }: Due,
  { update }: Expiry,
): Promise<boolean> {
  const { modifiedCount } = await accounts.updateOne(
    { _id: user, open: { $elemMatch: { request, hold, endId, reserved } } },
    { $inc: { available: reserved, reserved: -reserved }, ...update },
  );
  return modifiedCount === 1;
}

/** After the account: a crash before it is mended by the request's end, which reads from the account what is held. */
async function tellRequest(
  { requests }: CreditsCollections,
  { user, open: { request, hold } }: Due,
  { from, to }: Expiry,
): Promise<void> {
  await requests.updateOne({ _id: requestKey(user, request), hold, state: from }, { $set: { state: to } });
}
