import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type mongoose from 'mongoose';
import { checkHistory } from '../../src/testing/index.js';
import { connectMongoose } from '../integration/inbox/mongo-store.js';
import type { Step } from '../support/frozen/freeze.js';
import { embeddedLog, embeddedQueues } from '../support/frozen/instance.js';
import { type FrozenPlan, runFrozen } from '../support/frozen/run-frozen.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { type MongodbServer, startMongodb } from '../support/servers/mongodb.js';

/** The server keeps the locks of a transaction that nobody ends any more for up to one and a half times this, s. */
const TRANSACTION_LIFETIME_S = 3;

describeWithServers('an owner that stands still past its lease', { own: ['mongodb'] }, () => {
  let server: MongodbServer;
  let connection: mongoose.Connection;
  beforeAll(async () => {
    server = await startMongodb();
    connection = await connectMongoose(server.url);
    const admin = connection.getClient().db('admin');
    await admin.command({ setParameter: 1, transactionLifetimeLimitSeconds: TRANSACTION_LIFETIME_S });
  }, 60_000);
  afterEach(() => connection.dropDatabase());
  afterAll(async () => {
    await connection?.close();
    await server?.dispose();
  });

  describe.each([
    ['on the queues with transactions', true, embeddedQueues],
    ['on the queues without transactions', false, embeddedQueues],
    ['on the log with transactions', true, embeddedLog],
    ['on the log without transactions', false, embeddedLog],
  ])('%s (scenario 1)', (_, transaction, openPlace) => {
    const run = (step: Step, id: string) =>
      runFrozen({ connection, place: openPlace(), transaction, step, id });

    test.each(['before the effect', 'before done'] as const)(
      '%s, then wakes',
      async (step) => {
        const { history, effects } = await run(step, 'good-1');
        const repeated = transaction ? [] : [{ kind: 'DOUBLE', id: 'good-1' }];
        expect(checkHistory(history)).toMatchObject(repeated);
        expect({ effects, findings: checkHistory(history).length }).toEqual({
          effects: 1 + repeated.length,
          findings: repeated.length,
        });
      },
      60_000,
    );

    test.each(['before the retry copy', 'after the retry copy'] as const)(
      '%s, then wakes: one effect, no loss',
      async (step) => {
        const { history, effects, letters } = await run(step, 'late-1');
        expect(checkHistory(history)).toEqual([]);
        expect({ effects, letters }).toEqual({ effects: 1, letters: 0 });
      },
      60_000,
    );

    test.each([
      ['before giving up', 1],
      ['before the letter', 2],
      ['after the letter', 2],
    ] as const)(
      '%s, then wakes: no effect, %i letter(s) of one id',
      async (step, count) => {
        const { history, effects, letters } = await run(step, 'bad-1');
        expect(checkHistory(history)).toEqual([]);
        expect({ effects, letters }).toEqual({ effects: 0, letters: count });
      },
      60_000,
    );
  });

  describe('two copies of one attempt that end differently (scenario 3)', () => {
    const run = (plan: Pick<FrozenPlan, 'transaction' | 'step' | 'id' | 'heirFate'>) =>
      runFrozen({ connection, ...plan });

    test.each([true, false])(
      'the owner is about to give up what the heir handled: no letter (transactions: %s)',
      async (transaction) => {
        const { history, effects, letters } = await run({
          transaction,
          step: 'before giving up',
          id: 'bad-1',
          heirFate: 'good',
        });
        expect(checkHistory(history)).toEqual([]);
        expect({ effects, letters }).toEqual({ effects: 1, letters: 0 });
      },
      60_000,
    );

    test.each([
      ['undone with transactions', true, 0],
      ['there beside the letter without', false, 1],
    ])(
      'the owner is about to be done with what the heir gave up: its effect is %s, and the message stays dead',
      async (_, transaction, count) => {
        const { history, effects, letters } = await run({
          transaction,
          step: 'before done',
          id: 'good-1',
          heirFate: 'bad',
        });
        expect(checkHistory(history)).toEqual([]);
        expect({ effects, letters }).toEqual({ effects: count, letters: 1 });
        const record = await connection.collection('buscoupler_inbox').findOne({});
        expect(record).toMatchObject({ state: 'dead' });
      },
      60_000,
    );
  });
});
