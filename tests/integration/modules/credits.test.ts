import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type mongoose from 'mongoose';
import { mongoCreditsStore } from '../../../src/modules/credits-process/credits-process.mongo.js';
import type { CreditsMessage } from '../../../src/modules/credits-process/credits-process.schema.js';
import { CreditsProcessService } from '../../../src/modules/credits-process/credits-process.service.js';
import type { CreditsStore } from '../../../src/modules/credits-process/credits-process.store.js';
import { balancesOf } from '../../support/credits/reference.js';
import { describeCreditsStore } from '../../support/credits/store-contract.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { FIND, type FoundServer } from '../../support/servers/find-servers.js';
import { connectMongoose } from '../inbox/mongo-store.js';

class Died extends Error {}

const models = (n: number) => ({ model: `m${n}`, units: n, price: 3 });

/** Start and end of some requests of a few users; some never end. */
const histories = fc
  .array(
    fc.record({ user: fc.nat(2), units: fc.nat(50), used: fc.option(fc.nat(50)), isMulti: fc.boolean() }),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((requests) =>
    requests.map(({ user, units, used, isMulti }, n) => {
      const message = (amount: number): CreditsMessage =>
        isMulti
          ? { kind: 'multi', request: `r${n}`, user: `u${user}`, models: [models(amount), models(2)] }
          : { kind: 'single', request: `r${n}`, user: `u${user}`, ...models(amount) };
      return { start: message(units), end: used === null ? null : message(used) };
    }),
  );

describeWithServers('credits in MongoDB', { own: ['mongodb'] }, () => {
  let server: FoundServer<'mongodb'>;
  let connection: mongoose.Connection;
  let store: CreditsStore;
  beforeAll(async () => {
    server = await FIND.mongodb();
    connection = await connectMongoose(server.address.url);
    store = mongoCreditsStore(connection);
    await store.prepare();
  }, 60_000);
  afterAll(async () => {
    await connection?.dropDatabase();
    await connection?.close();
    await server?.dispose();
  });

  describe('each write by itself', () => {
    describeCreditsStore(() => store);
  });

  /** Repeats a transaction as the bus does: what the server undid is tried again. */
  const inTransaction = async <Result>(act: (session: mongoose.ClientSession) => Promise<Result>) => {
    const session = await connection.startSession();
    try {
      return (await session.withTransaction(() => act(session))) as Result;
    } finally {
      await session.endSession();
    }
  };

  describe('in transactions', () => {
    describeCreditsStore(() => ({
      ...store,
      prepare: () => store.prepare(),
      start: (step, deadlines) => inTransaction((session) => store.start(step, deadlines, session)),
      end: (step) => inTransaction((session) => store.end(step, session)),
      topUp: (topUp) => store.topUp(topUp),
      balanceOf: (user) => store.balanceOf(user),
      stateOf: (user, request) => store.stateOf(user, request),
      expire: (nowMs) => store.expire(nowMs),
    }));
  });

  test('whatever write a process dies after, in whatever order messages come again, the balances are those of the messages', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(histories, fc.infiniteStream(fc.nat(9)), fc.gen(), async (history, dice, gen) => {
        run += 1;
        const whose = (message: CreditsMessage): CreditsMessage => ({
          ...message,
          user: `run${run}-${message.user}`,
        });
        const faulty = mongoCreditsStore(connection, {
          onWrite: () => {
            if (dice.next().value < 2) throw new Died();
          },
        });
        const service = new CreditsProcessService({ store: faulty });
        const users = [0, 1, 2].map((n) => ({
          id: `run${run}-${n}`,
          user: `run${run}-u${n}`,
          amount: 10_000,
        }));
        for (const topUp of users) await service.topUp(topUp);
        const acts = history.flatMap(({ start, end }) => {
          const begin = () => service.startRequest(whose(start), { messageId: `s-${start.request}` });
          const finish = () =>
            end === null ? null : service.endRequest(whose(end), { messageId: `e-${start.request}` });
          return [begin, finish, begin, finish]; // each message twice
        });
        const order = gen(fc.shuffledSubarray, acts, { minLength: acts.length });
        // Redelivered until it gets through, as a broker does, some at once.
        const deliver = async (act: () => Promise<unknown> | null): Promise<void> => {
          for (;;) {
            try {
              return void (await act());
            } catch (error) {
              if (!(error instanceof Died)) throw error;
            }
          }
        };
        for (let at = 0; at < order.length; at += 3)
          await Promise.all(order.slice(at, at + 3).map((act) => deliver(act)));
        const wanted = balancesOf({
          topUps: users,
          starts: history.map(({ start }) => whose(start)),
          ends: history.flatMap(({ end }) => (end === null ? [] : [whose(end)])),
        });
        for (const { user } of users) expect(await store.balanceOf(user)).toEqual(wanted.get(user));
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});
