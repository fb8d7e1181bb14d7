import { afterEach, expect, test } from '@jest/globals';
import type { BrokerName } from '../../../src/contract/message.js';
import { OUTBOX_LANES, type Outbox, type OutboxRow } from '../../../src/contract/outbox.js';
import type { TransactionSession } from '../../../src/contract/transaction-session.js';
import { outboxRowOf } from '../../../src/routing/outbox-row.js';

/** An open transaction of the store. */
export interface TestTransaction {
  readonly session: TransactionSession;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** An outbox under test, started and empty. */
export interface OutboxRig {
  readonly outbox: Outbox;
  begin(): Promise<TestTransaction>;
}

const EVERY_LANE = Array.from({ length: OUTBOX_LANES }, (_, lane) => lane);
const BOTH: readonly BrokerName[] = ['kafka', 'rabbitmq'];

/** A row of the topic `orders`. */
export function rowOf(
  id: string,
  options: { key?: string; brokers?: readonly BrokerName[] } = {},
): OutboxRow {
  const { key = null, brokers = BOTH } = options;
  const headers = { 'bc-id': id, 'dotted.$name': 'ü', bytes: Buffer.from([0, 255]) };
  const body = Buffer.from(JSON.stringify({ id }));
  const message = { id, key, body, headers, contentType: 'application/json', timestampMs: 1_700_000_000_000 };
  return outboxRowOf('orders', message, brokers);
}

/** The cases that every outbox passes. */
export function testOutbox(open: () => Promise<OutboxRig>): void {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  const openRig = async () => {
    const { outbox, begin: beginRaw } = await open();
    const begin = async (): Promise<TestTransaction> => {
      const transaction = await beginRaw();
      ends.push(() => transaction.abort().catch(() => undefined));
      return transaction;
    };
    const addAll = async (...rows: OutboxRow[]): Promise<void> => {
      const { session, commit } = await begin();
      for (const row of rows) await outbox.add(row, session);
      await commit();
    };
    const idsFor = async (broker: BrokerName, except: readonly string[] = []): Promise<string[]> =>
      (await outbox.read({ broker, lanes: EVERY_LANE, limit: 100, except })).map(({ message }) => message.id);
    return { outbox, begin, addAll, idsFor };
  };

  test('a row comes back as it went in', async () => {
    const { outbox, addAll } = await openRig();
    const row = rowOf('one', { key: 'k' });
    await addAll(row);
    const [read] = await outbox.read({ broker: 'kafka', lanes: EVERY_LANE, limit: 1, except: [] });
    expect(read).toMatchObject({
      rowId: row.rowId,
      topic: 'orders',
      order: row.order,
      lane: row.lane,
      brokers: BOTH,
    });
    const { body, headers, ...rest } = row.message;
    expect(read?.message).toMatchObject(rest);
    expect(Buffer.compare(read?.message.body as Buffer, body as Buffer)).toBe(0);
    expect({ ...read?.message.headers }).toEqual(headers);
  });

  test('a null and an empty body stay distinct', async () => {
    const { outbox, addAll } = await openRig();
    const row = rowOf('one');
    await addAll(
      { ...row, rowId: 'orders:null', message: { ...row.message, body: null } },
      { ...row, rowId: 'orders:empty', message: { ...row.message, body: Buffer.alloc(0) } },
    );
    const rows = await outbox.read({ broker: 'kafka', lanes: EVERY_LANE, limit: 2, except: [] });
    expect(rows.map(({ message }) => message.body?.length ?? null)).toEqual([null, 0]);
  });

  test('nothing is read before the commit, nothing ever of what was aborted', async () => {
    const { outbox, begin, idsFor } = await openRig();
    const [kept, undone] = [await begin(), await begin()];
    await outbox.add(rowOf('kept'), kept.session);
    await outbox.add(rowOf('undone'), undone.session);
    expect(await idsFor('kafka')).toEqual([]);
    await undone.abort();
    await kept.commit();
    expect(await idsFor('kafka')).toEqual(['kept']);
  });

  test('rows are read in the order of their transactions, those of the lanes asked for, without the excepted orders', async () => {
    const { outbox, addAll, idsFor } = await openRig();
    const ids = Array.from({ length: 40 }, (_, index) => `id-${index}`);
    for (const id of ids.slice(0, 20)) await addAll(rowOf(id));
    await addAll(...ids.slice(20).map((id) => rowOf(id)));
    expect(await idsFor('kafka')).toEqual(ids);
    expect(await idsFor('kafka', [rowOf('id-0').order, rowOf('id-2').order])).toEqual(
      ids.filter((id) => id !== 'id-0' && id !== 'id-2'),
    );
    const { lane } = rowOf('id-7');
    const ofLane = await outbox.read({ broker: 'kafka', lanes: [lane], limit: 100, except: [] });
    expect(ofLane.map(({ message }) => message.id)).toEqual(ids.filter((id) => rowOf(id).lane === lane));
    expect(await outbox.read({ broker: 'kafka', lanes: EVERY_LANE, limit: 3, except: [] })).toHaveLength(3);
  });

  test('parallel publishes in one transaction are all stored, in their order', async () => {
    const { outbox, begin, idsFor } = await openRig();
    const { session, commit } = await begin();
    const ids = Array.from({ length: 20 }, (_, index) => `id-${index}`);
    await Promise.all(ids.map(async (id) => outbox.add(rowOf(id), session)));
    await commit();
    expect(await idsFor('kafka')).toEqual(ids);
  });

  test('the same id for one topic is refused and the transaction is lost', async () => {
    const { outbox, begin, addAll, idsFor } = await openRig();
    await addAll(rowOf('one'));
    const { session, commit } = await begin();
    await outbox.add(rowOf('other'), session);
    const doubled = (async () => outbox.add(rowOf('one'), session))();
    await expect(doubled).rejects.toMatchObject({ code: 'BC_OUTBOX_DUPLICATE' });
    await expect((async () => commit())()).rejects.toBeDefined();
    expect(await idsFor('kafka')).toEqual(['one']);
  });

  test('a session whose transaction is over, and what is no session, are refused', async () => {
    const { outbox, begin } = await openRig();
    const { session, commit } = await begin();
    await commit();
    for (const bad of [session, null, 'session', {}] as TransactionSession[]) {
      const adding = (async () => outbox.add(rowOf('one'), bad))();
      await expect(adding).rejects.toMatchObject({ code: 'BC_TRANSACTION_REQUIRED' });
    }
  });

  test('a broker that stored a row is not given it again; the row goes when nobody lacks it', async () => {
    const { outbox, addAll, idsFor } = await openRig();
    await addAll(rowOf('both'), rowOf('kafka-only', { brokers: ['kafka'] }));
    const rows = await outbox.read({ broker: 'kafka', lanes: EVERY_LANE, limit: 9, except: [] });
    await outbox.markStored('kafka', rows);
    expect([await idsFor('kafka'), await idsFor('rabbitmq')]).toEqual([[], ['both']]);
    await outbox.markStored('kafka', rows); // twice, by a relay that woke late
    expect(await outbox.backlog('rabbitmq')).toEqual({
      pending: 1,
      parked: 0,
      oldestAtMs: 1_700_000_000_000,
    });
    await outbox.markStored('rabbitmq', rows);
    expect(await outbox.backlog('rabbitmq')).toEqual({ pending: 0, parked: 0, oldestAtMs: null });
    await addAll(rowOf('both')); // gone, so its id is free
    expect(await idsFor('kafka')).toEqual(['both']);
  });

  test('marks of both brokers that were read at the same time remove the row', async () => {
    const { outbox, addAll, idsFor } = await openRig();
    await addAll(rowOf('one'));
    const read = async (broker: BrokerName) =>
      outbox.read({ broker, lanes: EVERY_LANE, limit: 9, except: [] });
    const [forKafka, forRabbitmq] = [await read('kafka'), await read('rabbitmq')];
    await Promise.all([
      (async () => outbox.markStored('kafka', forKafka))(),
      (async () => outbox.markStored('rabbitmq', forRabbitmq))(),
    ]);
    await addAll(rowOf('one'));
    expect(await idsFor('kafka')).toEqual(['one']);
  });

  test('what is parked for one broker stays until it is reopened, and goes its way for the other', async () => {
    const { outbox, addAll, idsFor } = await openRig();
    await addAll(rowOf('one'));
    const [row] = await outbox.read({ broker: 'kafka', lanes: EVERY_LANE, limit: 1, except: [] });
    await outbox.park('kafka', row as OutboxRow, 'too large');
    expect([await idsFor('kafka'), await idsFor('rabbitmq')]).toEqual([[], ['one']]);
    await outbox.markStored('rabbitmq', [row as OutboxRow]);
    expect(await outbox.backlog('kafka')).toMatchObject({ pending: 0, parked: 1 });
    const { lane } = row as OutboxRow;
    expect(await outbox.reopen([{ broker: 'rabbitmq', lane }])).toBe(0);
    expect(await outbox.reopen([{ broker: 'kafka', lane }])).toBe(1);
    expect(await idsFor('kafka')).toEqual(['one']);
    const [again] = await outbox.read({ broker: 'kafka', lanes: EVERY_LANE, limit: 1, except: [] });
    await outbox.markStored('kafka', [again as OutboxRow]);
    expect(await outbox.backlog('kafka')).toMatchObject({ pending: 0, parked: 0 });
  });

  test('of two relays that take one lane one gets it, and keeps it while it renews', async () => {
    const { outbox } = await openRig();
    const board = await outbox.renew({ token: 'a', brokers: ['kafka'] });
    const lease = board.leases.filter(({ broker, lane }) => broker === 'kafka' && lane === 3);
    expect(board.leases).toHaveLength(2 * OUTBOX_LANES);
    const takes = ['a', 'b'].map(async (token) => outbox.take(token, lease));
    await Promise.all(takes);
    const holderOf = async () => {
      const { leases } = await outbox.renew({ token: 'c', brokers: [] });
      return leases.find(({ broker, lane }) => broker === 'kafka' && lane === 3);
    };
    const held = await holderOf();
    expect(['a', 'b']).toContain(held?.token);
    const owner = held?.token as string;
    await outbox.renew({ token: owner, brokers: ['kafka'] });
    await outbox.take('late', [held as never]); // seen before the renewal
    expect((await holderOf())?.token).toBe(owner);
    await outbox.release('late', [{ broker: 'kafka', lane: 3 }]);
    expect((await holderOf())?.token).toBe(owner);
    await outbox.release(owner, [{ broker: 'kafka', lane: 3 }], true);
    expect((await holderOf())?.token).toBeNull();
    const { relays } = await outbox.renew({ token: 'c', brokers: [] });
    expect(relays.map(({ token }) => token)).not.toContain(owner);
  });
}
