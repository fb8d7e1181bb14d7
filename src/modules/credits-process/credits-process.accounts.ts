import type mongoose from 'mongoose';
import type { AccountRecord, OpenRequest } from './credits-process.model.js';
import { BALANCE_MAX, BalanceTooHighError, type RequestStep } from './credits-process.store.js';

/** The ids that a repeated top-up is recognised by, per account. */
const TOP_UPS_MAX = 100;

const DUPLICATE_KEY = 11_000;

type Accounts = mongoose.mongo.Collection<AccountRecord>;
/** A step of a request that holds something. */
type HeldStep = RequestStep & { readonly hold: string };
type InSession = { readonly session?: mongoose.ClientSession };

/** The writes of an account: each one is conditional on the request's place in the same document, so that it counts once. */
export class AccountWrites {
  readonly #accounts: Accounts;
  readonly #in: InSession;

  constructor(accounts: Accounts, session: mongoose.ClientSession | undefined) {
    this.#accounts = accounts;
    this.#in = session === undefined ? {} : { session };
  }

  /** Resolves with the hold that the request has now: this one, or one that was there before. `null`: there is too little. */
  async reserve(
    { user, request, cost, messageId, hold }: HeldStep,
    deadlines: Pick<OpenRequest, 'expiresAt' | 'forgetAt'>,
  ): Promise<string | null> {
    const open: OpenRequest = {
      request,
      startId: messageId,
      hold,
      reserved: cost,
      endId: null,
      ...deadlines,
    };
    const { modifiedCount } = await this.#accounts.updateOne(
      { _id: user, available: { $gte: cost }, 'open.request': { $ne: request } },
      { $inc: { available: -cost, reserved: cost }, $push: { open } },
      this.#in,
    );
    if (modifiedCount === 1) return hold;
    return (await this.#openOf(user, request))?.hold ?? null;
  }

  /** Gives back what is held for the request, but not by the hold that counts (`null`: none does). */
  async undoStray({ user, request, cost }: RequestStep, counts: string | null): Promise<void> {
    const stray = { request, hold: { $ne: counts }, endId: null, reserved: cost };
    await this.#accounts.updateOne(
      { _id: user, open: { $elemMatch: stray } },
      { $inc: { available: cost, reserved: -cost }, $pull: { open: { request } } },
      this.#in,
    );
  }

  /** Pays the cost, as far as there is something, and frees the rest of what is held. False if the account does not know the hold. */
  async settle(step: HeldStep, guessedReserve: number): Promise<boolean> {
    for (let reserved = guessedReserve, available: number | null = null; ; ) {
      if (await this.#pay(step, reserved, available)) return true;
      const account = await this.#accounts.findOne({ _id: step.user }, this.#in);
      const open = account?.open.find(({ hold }) => hold === step.hold);
      if (account === null || open === undefined) return false;
      if (open.endId !== null) return true;
      reserved = open.reserved;
      available = account.available + reserved < step.cost ? account.available : null;
    }
  }

  /** `available`: what is there is less than the cost, and exactly so much; `null`: it is enough. */
  async #pay(
    { user, request, cost, messageId, hold }: HeldStep,
    reserved: number,
    available: number | null,
  ): Promise<boolean> {
    const paid = available === null ? cost : available + reserved;
    const { modifiedCount } = await this.#accounts.updateOne(
      {
        _id: user,
        open: { $elemMatch: { request, hold, endId: null, reserved } },
        available: available ?? { $gte: cost - reserved },
      },
      {
        $inc: { available: reserved - paid, reserved: -reserved, spent: paid, owed: cost - paid },
        $set: { 'open.$.endId': messageId, 'open.$.reserved': 0, 'open.$.expiresAt': null },
      },
      this.#in,
    );
    return modifiedCount === 1;
  }

  /** The request is settled and says so itself. */
  async forget({ user, request, hold }: HeldStep): Promise<void> {
    await this.#accounts.updateOne({ _id: user }, { $pull: { open: { request, hold } } }, this.#in);
  }

  async topUp(user: string, id: string, amount: number): Promise<void> {
    const isNew = { _id: user, topUps: { $ne: id }, available: { $lte: BALANCE_MAX - amount } };
    const topUps = { $each: [id], $slice: -TOP_UPS_MAX };
    try {
      const zeros = { reserved: 0, spent: 0, owed: 0, open: [] };
      const { matchedCount, upsertedCount } = await this.#accounts.updateOne(
        isNew,
        { $inc: { available: amount }, $push: { topUps }, $setOnInsert: zeros },
        { ...this.#in, upsert: true },
      );
      if (matchedCount + upsertedCount === 1) return;
    } catch (error) {
      if ((error as { code?: unknown }).code !== DUPLICATE_KEY) throw error;
    }
    // The account is there: it has this one already, has no room, or came to be at the same moment.
    const account = await this.#accounts.findOne({ _id: user }, this.#in);
    if (account?.topUps.includes(id)) return;
    if (account !== null && account.available > BALANCE_MAX - amount)
      throw new BalanceTooHighError(`The balance of ${user} would exceed ${BALANCE_MAX}.`);
    await this.topUp(user, id, amount);
  }

  async #openOf(user: string, request: string): Promise<OpenRequest | null> {
    const account = await this.#accounts.findOne({ _id: user, 'open.request': request }, this.#in);
    return account?.open.find((one) => one.request === request) ?? null;
  }
}
