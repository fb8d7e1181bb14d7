import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type mongoose from 'mongoose';
import type { MongoInbox } from '../../../src/inbox/mongo/mongo-inbox.js';
import { HELD_PAUSE_MS } from '../../../src/inbox/mongo/sightings.js';
import { copyOf, heldBy } from '../../support/inbox/copy-of.js';
import { describeInboxContract } from '../../support/inbox/inbox-contract.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { FIND, type FoundServer } from '../../support/servers/find-servers.js';
import { connectMongoose, createHandClock, openInbox } from './mongo-store.js';

const LEASE_MS = 30_000;

let collections = 0;
const freshName = (): string => {
  collections += 1;
  return `inbox_${collections}`;
};

describeWithServers('the inbox in MongoDB', { own: ['mongodb'] }, () => {
  let server: FoundServer<'mongodb'>;
  let connection: mongoose.Connection;
  beforeAll(async () => {
    server = await FIND.mongodb();
    // What the URL says must not weaken what the store does.
    connection = await connectMongoose(`${server.address.url}&w=1&readConcernLevel=local`);
  }, 60_000);
  afterAll(async () => {
    await connection?.dropDatabase();
    await connection?.close();
    await server?.dispose();
  });

  describe('as every store', () => {
    let inbox: MongoInbox;
    beforeAll(async () => {
      inbox = await openInbox(connection, { collection: freshName() });
    });
    describeInboxContract(() => inbox);
  });

  /** Two instances over one collection, each with a clock that stands still until it is turned. */
  async function twoInstances(options = {}) {
    const collection = freshName();
    const times = [createHandClock(), createHandClock()] as const;
    const open = (place: 0 | 1) =>
      openInbox(connection, { collection, lease: LEASE_MS, ...options }, times[place].clock);
    return { a: await open(0), b: await open(1), times, records: connection.collection(collection) };
  }

  test('a claim is taken over only after it stood still for a full lease before the eyes of the waiter', async () => {
    const { a, b, times } = await twoInstances();
    await a.claim('c', [copyOf('one')], 'a1');
    times[1].pass(10 * LEASE_MS); // nobody looked
    expect(await b.claim('c', [copyOf('one')], 'b1')).toEqual(['busy']);
    times[1].pass(LEASE_MS - 1_000);
    expect(await b.claim('c', [copyOf('one')], 'b2')).toEqual(['busy']);
    times[1].pass(1_001);
    expect(await b.claim('c', [copyOf('one')], 'b3')).toEqual(['claimed']);
    for (const write of ['markDone', 'markBurying', 'markDead', 'release'] as const)
      expect(await a[write]('c', heldBy([copyOf('one')], 'a1'))).toEqual([false]); // the zombie
    expect(await b.markDone('c', heldBy([copyOf('one')], 'b3'))).toEqual([true]);
  });

  test('a claim that is renewed is never taken over, and a renewal begins the lease anew', async () => {
    const { a, b, times, records } = await twoInstances();
    await a.claim('c', [copyOf('one')], 'a1');
    times[0].ring(); // what is as young as this is not renewed yet
    await b.claim('c', [copyOf('one')], 'b1');
    for (let round = 1; round <= 3; round += 1) {
      await untilHolds(async () => {
        times[0].ring();
        return (await records.findOne({ token: 'a1' }))?.renewals >= round;
      });
      times[1].pass(LEASE_MS);
      expect(await b.claim('c', [copyOf('one')], `b-${round}`)).toEqual(['busy']);
    }
    times[1].pass(LEASE_MS);
    expect(await b.claim('c', [copyOf('one')], 'b9')).toEqual(['claimed']); // the owner fell silent
  });

  test('of many waiters for a claim that stood still one gets it', async () => {
    const { a, b, times } = await twoInstances();
    const copies = Array.from({ length: 20 }, (_, n) => copyOf(`id-${n}`));
    await a.claim('c', copies, 'a1');
    await b.claim('c', copies, 'b0');
    times[1].pass(LEASE_MS);
    const claims = await Promise.all(Array.from({ length: 10 }, (_, n) => b.claim('c', copies, `b-${n}`)));
    for (const place of copies.keys())
      expect(claims.filter((outcomes) => outcomes[place] === 'claimed')).toHaveLength(1);
  });

  test('whoever takes over a burial stores the letter and never runs the handler', async () => {
    const { a, b, times } = await twoInstances();
    await a.claim('c', [copyOf('one')], 'a1');
    await a.markBurying('c', heldBy([copyOf('one')], 'a1'));
    await b.claim('c', [copyOf('one')], 'b0');
    times[1].pass(LEASE_MS);
    expect(await b.claim('c', [copyOf('one')], 'b1')).toEqual(['burying']);
    expect(await a.markDead('c', heldBy([copyOf('one')], 'a1'))).toEqual([false]);
    expect(await b.markDead('c', heldBy([copyOf('one')], 'b1'))).toEqual([true]);
  });

  test('a message whose owners end without a word again and again is buried as poison', async () => {
    const { a, b, times } = await twoInstances({ maxClaims: 3 });
    const stores = [a, b] as const;
    await a.claim('c', [copyOf('one')], 't0');
    const outcomes: string[] = [];
    for (let turn = 1; turn <= 4; turn += 1) {
      const side = (turn % 2) as 0 | 1;
      await stores[side].claim('c', [copyOf('one')], `look-${turn}`);
      times[side].pass(LEASE_MS);
      outcomes.push(...(await stores[side].claim('c', [copyOf('one')], `t${turn}`)));
    }
    expect(outcomes).toEqual(['claimed', 'claimed', 'poison', 'poison']);
  });

  test('a claim that was given back in order counts for nothing', async () => {
    const { a } = await twoInstances({ maxClaims: 2 });
    for (let turn = 1; turn <= 5; turn += 1) {
      expect(await a.claim('c', [copyOf('one', turn)], `t${turn}`)).toEqual(['claimed']);
      expect(await a.release('c', heldBy([copyOf('one', turn)], `t${turn}`))).toEqual([true]);
    }
  });

  test('a call whose answer was lost is recognised when it is repeated with its token', async () => {
    const { a } = await twoInstances();
    const one = [copyOf('one')];
    for (let again = 0; again < 2; again += 1) expect(await a.claim('c', one, 't')).toEqual(['claimed']);
    for (let again = 0; again < 2; again += 1)
      expect(await a.markBurying('c', heldBy(one, 't'))).toEqual([true]);
    expect(await a.claim('c', one, 't')).toEqual(['burying']);
    for (let again = 0; again < 2; again += 1) expect(await a.release('c', heldBy(one, 't'))).toEqual([true]);
    expect(await a.claim('c', one, 'u')).toEqual(['burying']);
    for (let again = 0; again < 2; again += 1)
      expect(await a.markDead('c', heldBy(one, 'u'))).toEqual([true]);
    const two = [copyOf('two')];
    await a.claim('c', two, 't');
    for (let again = 0; again < 2; again += 1)
      expect(await a.markDone('c', heldBy(two, 't'))).toEqual([true]);
  });

  test('a claim that the server could not make safe is refused, and the same call again has it', async () => {
    const { a, b } = await twoInstances();
    await b.claim('c', [copyOf('other')], 'b1');
    const both = [copyOf('one'), copyOf('other')];
    const admin = connection.getClient().db('admin');
    const times = { configureFailPoint: 'failCommand', mode: { times: 1 } };
    const notStored = { writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } };
    await admin.command({ ...times, data: { failCommands: ['insert'], ...notStored } });
    await expect(a.claim('c', both, 'a1')).rejects.toThrow('waiting for replication timed out');
    await admin.command({ ...times, data: { failCommands: ['insert'], errorCode: 91 } });
    await expect(a.claim('c', both, 'a1')).rejects.toMatchObject({ code: 91 });
    expect(await a.claim('c', both, 'a1')).toEqual(['claimed', 'busy']);
  });

  test('only what is settled has the field that the TTL index looks at, with the time of the server', async () => {
    const { a, records } = await twoInstances({ ttl: '40d' });
    const ids = ['claimed', 'open', 'burying', 'done', 'dead'];
    await a.claim(
      'c',
      ids.map((id) => copyOf(id)),
      't',
    );
    await a.release('c', heldBy([copyOf('open')], 't'));
    await a.markBurying('c', heldBy([copyOf('burying'), copyOf('dead')], 't'));
    await a.markDone('c', heldBy([copyOf('done')], 't'));
    await a.markDead('c', heldBy([copyOf('dead')], 't'));
    const dated = await records.find({ settledAt: { $type: 'date' } }).toArray();
    expect(dated.map(({ state }) => state).sort()).toEqual(['dead', 'done']);
    const ttl = (await records.indexes()).find(({ expireAfterSeconds }) => expireAfterSeconds !== undefined);
    expect(ttl).toMatchObject({ key: { settledAt: 1 }, expireAfterSeconds: 40 * 86_400 });
  });

  test('the server forgets what was settled, and nothing else', async () => {
    const { a, records } = await twoInstances({ ttl: '1s' });
    await a.claim('c', [copyOf('claimed'), copyOf('open'), copyOf('done')], 't');
    await a.release('c', heldBy([copyOf('open')], 't'));
    await a.markDone('c', heldBy([copyOf('done')], 't'));
    while ((await records.countDocuments({ state: 'done' })) > 0);
    expect((await records.find().toArray()).map(({ state }) => state).sort()).toEqual(['claimed', 'open']);
  }, 90_000); // a server that we did not start looks once a minute

  test('a longer TTL lengthens the index, a shorter one leaves it', async () => {
    const collection = freshName();
    const seconds = async () => {
      const indexes = await connection.collection(collection).indexes();
      return indexes.find(({ expireAfterSeconds }) => expireAfterSeconds !== undefined)?.expireAfterSeconds;
    };
    const seen: unknown[] = [];
    for (const ttl of ['10d', '30d', '20d']) {
      await openInbox(connection, { collection, ttl });
      seen.push(Number(await seconds()) / 86_400);
    }
    expect(seen).toEqual([10, 30, 30]);
  });

  test('what an open transaction of a dead owner holds keeps nobody else waiting, and is taken when that has ended', async () => {
    const client = await connectMongoose(server.address.url, {
      monitorCommands: true,
      dbName: connection.name,
    });
    const updates: unknown[] = [];
    client.getClient().on('commandStarted', ({ commandName }: { commandName: string }) => {
      if (commandName === 'update') updates.push(commandName);
    });
    const { a, times, records } = await twoInstances();
    const options = { collection: records.collectionName, lease: LEASE_MS };
    const b = await openInbox(client, options, times[1].clock);
    await a.claim('c', [copyOf('held')], 'a1');
    const transaction = await a.transactions.begin('c', copyOf('held'), 'a1'); // and then its owner died
    await b.claim('c', [copyOf('held')], 'b1');
    times[1].pass(LEASE_MS);
    const claim = (id: string, token: string) => b.claim('c', [copyOf('held'), copyOf(id)], token);
    expect(await claim('one', 'b2')).toEqual(['busy', 'claimed']);
    expect(updates).toHaveLength(1);
    // The server does not go on for somebody who waits no longer.
    const admin = connection.getClient().db('admin');
    const running = admin.aggregate([
      { $currentOp: {} },
      { $match: { op: 'update', ns: `${connection.name}.${records.collectionName}` } },
    ]);
    expect(await running.toArray()).toEqual([]);
    // It is not tried with each claim.
    expect(await claim('two', 'b3')).toEqual(['busy', 'claimed']);
    expect(updates).toHaveLength(1);
    await transaction?.abort();
    times[1].pass(HELD_PAUSE_MS);
    expect(await claim('three', 'b4')).toEqual(['claimed', 'claimed']);
    await client.close();
  });

  test('every command says primary and majority, whatever the URL says', async () => {
    const url = `${server.address.url}&w=1&readConcernLevel=local`;
    const client = await connectMongoose(url, { monitorCommands: true });
    const seen: Record<string, unknown>[] = [];
    client.getClient().on('commandStarted', (event: { command: Record<string, unknown> }) => {
      seen.push(event.command);
    });
    const watched = await openInbox(client, { collection: freshName() });
    await watched.claim('c', [copyOf('one')], 't');
    await watched.claim('c', [copyOf('one')], 'u');
    await watched.markDone('c', heldBy([copyOf('one')], 't'));
    await client.dropDatabase();
    await client.close();
    const writes = seen.filter((command) => 'insert' in command || 'update' in command);
    const reads = seen.filter((command) => 'find' in command);
    expect(writes.length).toBeGreaterThanOrEqual(3);
    expect(reads.length).toBeGreaterThanOrEqual(1);
    for (const { writeConcern } of writes) expect(writeConcern).toMatchObject({ w: 'majority' });
    for (const { readConcern } of reads) expect(readConcern).toMatchObject({ level: 'majority' });
  });
});

/** Asks again until it holds; the test's own deadline ends it. */
async function untilHolds(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
