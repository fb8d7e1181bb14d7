import { expect, test } from '@jest/globals';
import { OUTBOX_LANES } from '../../../src/contract/outbox.js';
import { useMongoOutbox } from '../../support/outbox/mongo-rig.js';
import { rowOf, testOutbox } from '../../support/outbox/store-cases.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';

describeWithServers('the MongoDB outbox', { own: ['mongodb'] }, () => {
  const mongo = useMongoOutbox();
  testOutbox(() => mongo.openRig());

  test('starts in several processes at once', async () => {
    const open = mongo.openCollection();
    const outboxes = Array.from({ length: 8 }, open);
    await Promise.all(outboxes.map(async (outbox) => outbox.start()));
    const board = await outboxes[0]?.renew({ token: 'a', brokers: [] });
    expect(board?.leases).toHaveLength(2 * OUTBOX_LANES);
  });

  test('a row that a transaction wrote before another one began comes first, though both wrote elsewhere', async () => {
    const { outbox, begin } = await mongo.openRig();
    const [early, late] = [await begin(), await begin()];
    await outbox.add(rowOf('1', { key: 'k' }), early.session);
    await outbox.add(rowOf('2', { key: 'k' }), late.session);
    await late.commit();
    await early.commit();
    const third = await begin();
    await outbox.add(rowOf('3', { key: 'k' }), third.session);
    await third.commit();
    const { lane } = rowOf('1', { key: 'k' });
    const rows = await outbox.read({ broker: 'kafka', lanes: [lane], limit: 9, except: [] });
    expect(rows.map(({ message }) => message.id)).toEqual(['1', '2', '3']);
  });

  test('a transient error keeps its label, so that withTransaction repeats the transaction', async () => {
    const { outbox, begin } = await mongo.openRig();
    const holder = await begin();
    await outbox.add(rowOf('one'), holder.session);
    let runs = 0;
    const session = await mongo.connection().startSession();
    await session.withTransaction(async () => {
      runs += 1;
      if (runs === 2) await holder.abort();
      await outbox.add(rowOf('one'), session);
    });
    await session.endSession();
    expect(runs).toBeGreaterThanOrEqual(2);
    const lanes = [rowOf('one').lane];
    expect(await outbox.read({ broker: 'kafka', lanes, limit: 9, except: [] })).toHaveLength(1);
  });

  test('a session of another client is refused', async () => {
    const { outbox } = await mongo.openRig();
    const other = mongo.connect();
    await other.asPromise();
    const session = await other.startSession();
    session.startTransaction();
    const adding = (async () => outbox.add(rowOf('one'), session))();
    await expect(adding).rejects.toMatchObject({ code: 'BC_TRANSACTION_REQUIRED' });
    await session.endSession();
    await other.close();
  });
});
