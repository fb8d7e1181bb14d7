import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type mongoose from 'mongoose';
import { untilHolds } from '../../src/testing/contract/until-holds.js';
import { checkHistory, recordHistory } from '../../src/testing/index.js';
import { connectMongoose } from '../integration/inbox/mongo-store.js';
import { CONSUMER, embeddedQueues, openInstance } from '../support/frozen/instance.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { type MongodbServer, startMongodb } from '../support/servers/mongodb.js';

/** What the server answers, once, to a commit that it did or did not make. */
const ANSWERS = [
  ['is made, but the answer is that nobody knows', { writeConcernError: { code: 64, errmsg: 'timed out' } }],
  ['is not made, and the answer is that nobody knows', { errorCode: 91 }],
] as const;

/** `tests/integration/inbox/transactions.test.ts` has the commit that is refused three times. */
describeWithServers('a commit with an unknown outcome (scenario 11)', { own: ['mongodb'] }, () => {
  let server: MongodbServer;
  let connection: mongoose.Connection;
  beforeAll(async () => {
    server = await startMongodb();
    connection = await connectMongoose(server.url);
  }, 60_000);
  afterAll(async () => {
    await connection?.close();
    await server?.dispose();
  });

  test.each(ANSWERS)('%s: one effect, and the handler is not run again', async (_, answer) => {
    await connection.dropDatabase();
    const place = embeddedQueues();
    const history = recordHistory();
    history.add({ type: 'consumer', consumer: CONSUMER, topic: place.topic.name });
    const { bus, told } = await openInstance({ place, connection, history, transaction: true });
    const admin = connection.getClient().db('admin');
    const off = { configureFailPoint: 'failCommand', mode: 'off' };
    const before = (await admin.command(off)).count;
    const data = { failCommands: ['commitTransaction'], ...answer };
    await admin.command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data });
    try {
      await history.publish(bus, place.topic, { data: { n: 1 }, id: 'good-1' });
      await told.first((word) => word === 'settled');
      await untilHolds('the queue is empty', () => place.depth() === 0);
    } finally {
      await bus.close({ deadlineMs: 0 });
    }
    const hits = (await admin.command(off)).count - before;
    expect(checkHistory(history.items)).toEqual([]);
    expect({
      hits,
      effects: await connection.collection('effects').countDocuments(),
      runs: history.items.filter(({ type }) => type === 'delivered').length,
    }).toEqual({ hits: 1, effects: 1, runs: 1 });
  });
});
