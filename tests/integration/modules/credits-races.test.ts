import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type mongoose from 'mongoose';
import { mongoCreditsStore } from '../../../src/modules/credits-process/credits-process.mongo.js';
import { createRecorder } from '../../../src/testing/index.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { FIND, type FoundServer } from '../../support/servers/find-servers.js';
import { connectMongoose } from '../inbox/mongo-store.js';

class Died extends Error {}

const LATER = { expiresAtMs: 10_000, forgetAtMs: 20_000 };

/** An instance that stops after each of the named writes until it is let go on. */
function createInstance(connection: mongoose.Connection, ...stops: string[]) {
  const reached = createRecorder<string>('writes');
  const waiting = new Map<string, { readonly goOn: () => void; readonly die: () => void }>();
  const store = mongoCreditsStore(connection, {
    onWrite: (what) => {
      if (!stops.includes(what)) return;
      return new Promise<void>((resolve, reject) => {
        waiting.set(what, { goOn: resolve, die: () => reject(new Died()) });
        reached.add(what);
      });
    },
  });
  const at = async (what: string) => {
    await reached.first((one) => one === what);
    return waiting.get(what) as { readonly goOn: () => void; readonly die: () => void };
  };
  return { store, at };
}

describeWithServers('instances that overtake each other', { own: ['mongodb'] }, () => {
  let server: FoundServer<'mongodb'>;
  let connection: mongoose.Connection;
  beforeAll(async () => {
    server = await FIND.mongodb();
    connection = await connectMongoose(server.address.url);
    await mongoCreditsStore(connection).prepare();
  }, 60_000);
  afterAll(async () => {
    await connection?.dropDatabase();
    await connection?.close();
    await server?.dispose();
  });

  let users = 0;
  const scene = async (amount: number) => {
    users += 1;
    const user = `u${users}`;
    const { store } = createInstance(connection);
    const step = (cost: number, messageId: string) => ({ user, request: 'r', cost, messageId });
    const fill = (more: number) => store.topUp({ id: `${user}-${more}`, user, amount: more });
    if (amount > 0) await fill(amount);
    return {
      store,
      fill,
      start: step(30, 's'),
      end: step(12, 'e'),
      balance: async () => {
        const { available, reserved, spent, owed } = await store.balanceOf(user);
        return [available, reserved, spent, owed];
      },
    };
  };

  test('a late start reserves for a request that is over, and a late end does not pay from that', async () => {
    const { store, start, end, balance } = await scene(100);
    const lateStart = createInstance(connection, 'note start', 'reserve');
    const started = lateStart.store.start(start, LATER);
    const noted = await lateStart.at('note start');
    await store.start(start, LATER);
    const lateEnd = createInstance(connection, 'note end');
    const ended = lateEnd.store.end(end);
    const endNoted = await lateEnd.at('note end');
    expect(await store.end(end)).toBe('settled');
    noted.goOn();
    const reserved = await lateStart.at('reserve');
    expect(await balance()).toEqual([58, 30, 12, 0]);
    endNoted.goOn();
    expect(await ended).toBe('settled');
    reserved.goOn();
    expect(await started).toBe('settled');
    expect(await balance()).toEqual([88, 0, 12, 0]);
  });

  test('what an instance held when it died is given back when its message comes again', async () => {
    const { store, start, end, balance } = await scene(100);
    const dying = createInstance(connection, 'note start', 'reserve');
    const started = dying.store.start(start, LATER);
    const noted = await dying.at('note start');
    await store.start(start, LATER);
    await store.end(end);
    noted.goOn();
    (await dying.at('reserve')).die();
    await expect(started).rejects.toThrow(Died);
    expect(await balance()).toEqual([58, 30, 12, 0]);
    expect(await store.start(start, LATER)).toBe('settled');
    expect(await balance()).toEqual([88, 0, 12, 0]);
  });

  test('a request that one instance refuses and another reserves for has the state that was written first', async () => {
    const { fill, start, end, store, balance } = await scene(0);
    const short = createInstance(connection, 'reserve');
    const refused = short.store.start(start, LATER);
    const foundShort = await short.at('reserve');
    await fill(100);
    const rich = createInstance(connection, 'reserve');
    const reserved = rich.store.start(start, LATER);
    const held = await rich.at('reserve');
    expect(await balance()).toEqual([70, 30, 0, 0]);
    foundShort.goOn();
    expect(await refused).toBe('refused');
    held.goOn();
    expect(await reserved).toBe('refused');
    expect(await store.end(end)).toBe('refused');
    expect(await balance()).toEqual([100, 0, 0, 0]);
  });

  test('a sweeper that dies between its writes has given back once, and the end is paid', async () => {
    const { store, start, end, balance } = await scene(100);
    await store.start(start, LATER);
    const dying = createInstance(connection, 'expire');
    const expired = dying.store.expire(10_000);
    (await dying.at('expire')).die();
    await expect(expired).rejects.toThrow(Died);
    await store.expire(10_000);
    expect(await balance()).toEqual([100, 0, 0, 0]);
    expect(await store.end(end)).toBe('settled');
    expect(await balance()).toEqual([88, 0, 12, 0]);
  });

  test('an end that comes while the reservation expires is paid once', async () => {
    const { store, start, end, balance } = await scene(100);
    await store.start(start, LATER);
    const late = createInstance(connection, 'note end', 'settle');
    const ended = late.store.end(end);
    const noted = await late.at('note end');
    await store.expire(10_000);
    noted.goOn();
    const settled = await late.at('settle');
    await store.expire(10_000);
    expect(await store.end(end)).toBe('settled');
    settled.goOn();
    expect(await ended).toBe('settled');
    expect(await balance()).toEqual([88, 0, 12, 0]);
  });
});
