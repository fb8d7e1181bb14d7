import { type CreditsMessage, costOf } from '../../../src/modules/credits-process/credits-process.schema.js';
import type { Balance } from '../../../src/modules/credits-process/credits-process.store.js';

/** What happened, in any order and any number of times. */
export interface CreditsHistory {
  readonly topUps: readonly { readonly id: string; readonly user: string; readonly amount: number }[];
  readonly starts: readonly CreditsMessage[];
  readonly ends: readonly CreditsMessage[];
}

/**
 * The balances that a history leads to if nobody was ever short: computed from the set of its messages alone, in whole
 * numbers of any size, without any of the server's steps.
 */
export function balancesOf({ topUps, starts, ends }: CreditsHistory): Map<string, Balance> {
  const sums = new Map<string, { given: bigint; reserved: bigint; spent: bigint }>();
  const sumOf = (user: string) => {
    const present = sums.get(user) ?? { given: 0n, reserved: 0n, spent: 0n };
    sums.set(user, present);
    return present;
  };
  const paid = new Set<string>();
  for (const { id, user, amount } of topUps) {
    if (paid.has(id)) continue;
    paid.add(id);
    sumOf(user).given += BigInt(amount);
  }
  const keyOf = ({ user, request }: CreditsMessage): string => JSON.stringify([user, request]);
  const ended = new Map(ends.map((end) => [keyOf(end), end]));
  for (const start of new Map(starts.map((one) => [keyOf(one), one])).values()) {
    const end = ended.get(keyOf(start));
    if (end === undefined) sumOf(start.user).reserved += BigInt(costOf(start));
    else sumOf(start.user).spent += BigInt(costOf(end));
  }
  return new Map(
    [...sums].map(([user, { given, reserved, spent }]) => [
      user,
      {
        user,
        available: Number(given - reserved - spent),
        reserved: Number(reserved),
        spent: Number(spent),
        owed: 0,
      },
    ]),
  );
}
