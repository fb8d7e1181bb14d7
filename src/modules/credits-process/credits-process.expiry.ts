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

const abandoned = (request: string): Expiry => ({
  field: 'forgetAt',
  update: { $pull: { open: { request } } },
  from: 'expired',
  to: 'abandoned',
});

/** Gives back what is held past its time, then forgets what is open past its own; how many requests it moved, at most 1,000. */
export async function expireRequests(collections: CreditsCollections, nowMs: number): Promise<number> {
  let moved = 0;
  for (const [field, expiryOf] of [['expiresAt', () => expired] as const, ['forgetAt', abandoned] as const])
    for await (const { user, open } of dueRequests(collections, field, { nowMs, most: EXPIRE_MAX - moved }))
      if (await move(collections, { user, open }, expiryOf(open.request))) moved += 1;
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

/**
 * First the account, if the request stands there as it was read; then the request's own record. A crash between the two is
 * mended by its end: what is held is read from the account.
 */
async function move(
  { accounts, requests }: CreditsCollections,
  { user, open: { request, reserved, endId } }: { readonly user: string; readonly open: OpenRequest },
  { update, from, to }: Expiry,
): Promise<boolean> {
  const { modifiedCount } = await accounts.updateOne(
    { _id: user, open: { $elemMatch: { request, endId, reserved } } },
    { $inc: { available: reserved, reserved: -reserved }, ...update },
  );
  if (modifiedCount === 0) return false;
  await requests.updateOne({ _id: requestKey(user, request), state: from }, { $set: { state: to } });
  return true;
}
