import { afterEach, expect, test } from '@jest/globals';
import { createLogBroker } from '../../../src/adapters/memory/log-broker.js';
import { createLogStore } from '../../../src/adapters/memory/log-store.js';
import type { BusEventName } from '../../../src/contract/events.js';
import type { Outbox } from '../../../src/contract/outbox.js';
import { systemClock } from '../../../src/delivery/system-clock.js';
import { createBus, createLogger, defineTopic, loadConfig, type MessageBus } from '../../../src/index.js';
import type { MongoOutboxOptions } from '../../../src/mongo.js';
import { untilHolds } from '../../../src/testing/contract/until-holds.js';
import { createRecorder } from '../../../src/testing/recorder.js';
import { useMongoOutbox } from '../../support/outbox/mongo-rig.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';

/** Less than the 30 s after which the driver gives a frozen server up. */
const DRIVER_MS = 15_000;

const orders = defineTopic<{ n: number; user: string }>({
  name: 'orders',
  brokers: ['kafka'],
  key: ({ user }) => user,
});

describeWithServers('the relay of an outbox in MongoDB', { own: ['mongodb'] }, () => {
  const mongo = useMongoOutbox();
  const opened: MessageBus[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((bus) => bus.close({ deadlineMs: 0 })));
  });

  /** Buses over one embedded log and one collection. */
  const openFleet = (options: MongoOutboxOptions = {}) => {
    const store = createLogStore({ clock: systemClock });
    const openOutbox = mongo.openCollection(options);
    const told = createRecorder<BusEventName>('events');
    const make = async (change: (outbox: Outbox) => Outbox = (outbox) => outbox): Promise<MessageBus> => {
      const bus = await createBus({
        config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
        topics: [orders],
        outbox: change(openOutbox()),
        logger: createLogger({ level: 'silent' }),
        brokers: { kafka: (parts) => createLogBroker({ ...parts, store }) },
      });
      for (const name of ['outbox-lost', 'outbox-recovered'] as const) bus.on(name, () => told.add(name));
      opened.push(bus);
      return bus;
    };
    const open = async (change?: (outbox: Outbox) => Outbox): Promise<MessageBus> => {
      const bus = await make(change);
      await bus.start();
      return bus;
    };
    const stored = () =>
      store.read('orders').map(({ id, key, body }) => ({ id, key, n: JSON.parse(String(body)).n as number }));
    return { make, open, stored, told };
  };

  const publish = async (bus: MessageBus, from: number, count: number): Promise<void> => {
    const { session, commit } = await mongo.begin();
    for (let n = from; n < from + count; n += 1) {
      for (const user of ['ann', 'bob', 'cy']) await bus.publish(orders, { n, user }, { session });
    }
    await commit();
  };

  test('sends what was committed, and never what was aborted (C46) or refused as a double (C47)', async () => {
    const { open, stored } = openFleet();
    const bus = await open();
    const undone = await mongo.begin();
    await bus.publish(orders, { n: 0, user: 'ann' }, { session: undone.session });
    await undone.abort();
    const kept = await mongo.begin();
    await bus.publish(orders, { n: 1, user: 'ann' }, { session: kept.session, id: 'one' });
    const doubled = bus.publish(orders, { n: 2, user: 'ann' }, { session: kept.session, id: 'one' });
    await expect(doubled).rejects.toMatchObject({ code: 'BC_OUTBOX_DUPLICATE' });
    await kept.abort();
    const last = await mongo.begin();
    await bus.publish(orders, { n: 3, user: 'ann' }, { session: last.session });
    await last.commit();
    await untilHolds('it is sent', () => stored().length > 0);
    expect(stored().map(({ n }) => n)).toEqual([3]);
  });

  test('two relays at once send everything once, in the order of each key, and one goes on when the other closes', async () => {
    const { open, stored } = openFleet();
    const [first, second] = [await open(), await open()];
    for (let n = 1; n <= 50; n += 5) await publish(first, n, 5);
    await second.close();
    for (let n = 51; n <= 100; n += 5) await publish(first, n, 5);
    await untilHolds('all are sent', () => stored().length >= 300, 20_000);
    const all = Array.from({ length: 100 }, (_, index) => index + 1);
    for (const user of ['ann', 'bob', 'cy']) {
      expect(stored().flatMap(({ key, n }) => (key === user ? [n] : []))).toEqual(all);
    }
  });

  test('a relay that dies between send and mark is followed by one that repeats the same ids (C45)', async () => {
    const { open, stored } = openFleet();
    const never = new Promise<never>(() => undefined);
    let isDead = false;
    const dying = await open((outbox) => ({
      ...outbox,
      markStored: () => {
        isDead = true;
        return never;
      },
      renew: (relay) => (isDead ? never : outbox.renew(relay)),
      release: () => never,
    }));
    await publish(dying, 1, 3);
    await untilHolds('the first are sent', () => stored().length >= 3);
    const sentBefore = new Set(stored().map(({ id }) => id));
    const heir = await open();
    const isOver = (): boolean =>
      heir.health().outbox?.lanes === 32 && stored().length >= sentBefore.size + 9;
    await untilHolds('the heir sent everything', isOver, 25_000);
    const ids = stored().map(({ id }) => id);
    expect(new Set(ids).size).toBe(9);
    for (const id of sentBefore) expect(ids.filter((one) => one === id)).toHaveLength(2);
    for (const user of ['ann', 'bob', 'cy']) {
      const numbers = stored().flatMap(({ key, n }) => (key === user ? [n] : []));
      expect([...new Set(numbers)]).toEqual([1, 2, 3]);
    }
  });

  test('goes on by itself after the database was killed', async () => {
    const { open, stored, told } = openFleet();
    const bus = await open();
    await publish(bus, 1, 1);
    await untilHolds('they are sent', () => stored().length === 3);
    await mongo.server().kill();
    await told.first((name) => name === 'outbox-lost');
    expect(bus.health()).toMatchObject({ ok: false, outbox: { state: 'away' } });
    await mongo.server().start();
    await told.first((name) => name === 'outbox-recovered');
    await publish(bus, 2, 1);
    await untilHolds('they are sent', () => stored().length === 6);
  });

  test('waits for a frozen database no longer than its timeout, in relay, publish and start, and goes on by itself', async () => {
    const { make, open, stored, told } = openFleet({ timeout: '500ms' });
    const [bus, late] = [await open(), await make()];
    await publish(bus, 1, 1);
    await untilHolds('they are sent', () => stored().length === 3);
    const { session, abort } = await mongo.begin();
    const isUnavailable = {
      code: 'BC_OUTBOX_UNAVAILABLE',
      message: expect.stringContaining('The outbox did not answer within 500 ms.'),
    };
    await mongo.server().pause();
    const frozenMs = performance.now();
    await told.first((name) => name === 'outbox-lost');
    expect(bus.health()).toMatchObject({ ok: false, outbox: { state: 'away' } });
    for (const n of [2, 3]) {
      // The second one waits behind the first, which is on its way still.
      const publishing = bus.publish(orders, { n, user: 'ann' }, { session });
      await expect(publishing).rejects.toMatchObject(isUnavailable);
    }
    await expect(late.start()).rejects.toMatchObject(isUnavailable);
    expect(performance.now() - frozenMs).toBeLessThan(DRIVER_MS);
    await mongo.server().resume();
    await told.first((name) => name === 'outbox-recovered');
    await abort();
    await late.start();
    await publish(bus, 4, 1);
    await untilHolds('they are sent', () => stored().length === 6);
    expect(stored().filter(({ n }) => n === 4)).toHaveLength(3);
  }, 60_000);
});
