import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type BrokerName,
  defineConsumer,
  type Inbox,
  type MessageBus,
  memoryInbox,
} from '../../src/index.js';
import { checkHistory, createRecorder, type HistoryEvent, recordHistory } from '../../src/testing/index.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { openTwoBrokers, type TwoBrokersOptions, usageTopic } from './two-brokers.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** The one delay: long enough for a move, and for a restart. */
const DELAY_MS = 8_000;

/** How late a retry may come on a busy machine, ms. */
const LATE_MAX_MS = 10_000;

/** One run of the handler. */
interface Run {
  readonly id: string;
  readonly attempt: number;
  readonly broker: string;
  readonly atMs: number;
}

/** An inbox that says of itself that other processes share it: it outlives the bus. */
const sharedInbox = (): Inbox => ({ ...memoryInbox({ ttlMs: 30 * 86_400_000 }), isShared: true });

/** A consumer whose messages all fail at first, and what becomes of them. */
function failingOnce() {
  const runs = createRecorder<Run>('runs');
  const history = recordHistory();
  const topic = usageTopic();
  const consumer = defineConsumer(
    history.consumer({
      name: 'usage',
      topic,
      group: `${topic.name}_group`,
      retry: { inline: { attempts: 1 }, deferred: [DELAY_MS] },
      handle: async ({ id }, { attempt, broker }) => {
        runs.add({ id, attempt, broker, atMs: Date.now() });
        if (attempt === 1) throw new Error('not yet');
      },
    }),
  );
  return { runs, history, topic, consumer };
}

type Failing = ReturnType<typeof failingOnce>;

/** A started bus, and a recorder of the retries that it stored. */
async function openBus({ history }: Failing, options: TwoBrokersOptions) {
  const bus = await openTwoBrokers(options);
  cleanups.push(() => bus.close());
  history.watch(bus);
  const stored = createRecorder<{ id: string; broker: string }>('stored retries');
  bus.on('retry-stored', ({ id, broker }) => stored.add({ id, broker }));
  await bus.start();
  return { bus, stored };
}

const publish = ({ history, topic }: Failing, bus: MessageBus, id: string) =>
  history.publish(bus, topic, { id, data: { user: 'anna', sequence: 1 } });

/** The two runs of a message, which must be where and when they should. */
async function expectRuns({ runs, history }: Failing, id: string, brokers: readonly string[]): Promise<void> {
  await history.first((event) => event.type === 'effect' && event.id === id);
  const [first, second, ...more] = runs.items.filter((run) => run.id === id);
  expect({
    brokers: [first?.broker, second?.broker],
    attempts: [first?.attempt, second?.attempt],
    more,
  }).toEqual({ brokers, attempts: [1, 2], more: [] });
  const tookMs = (second?.atMs ?? 0) - (first?.atMs ?? 0);
  expect(tookMs).toBeGreaterThanOrEqual(DELAY_MS);
  expect(tookMs).toBeLessThan(DELAY_MS + LATE_MAX_MS);
}

const countOf = (history: readonly HistoryEvent[], type: HistoryEvent['type']): number =>
  history.filter((event) => event.type === type).length;

describeWithServers('retries on real brokers', { shared: ['kafka', 'rabbitmq-4.0'] }, (servers) => {
  describe.each<[BrokerName, BrokerName]>([
    ['rabbitmq', 'kafka'],
    ['kafka', 'rabbitmq'],
  ])('of a consumer that leaves %s for %s', (from, to) => {
    test('run where they wait, once and in time, while later messages fail and come back on the new broker', async () => {
      const failing = failingOnce();
      const options = { servers, consumers: [failing.consumer], inbox: memoryInbox(), fedBy: from };
      const { bus, stored } = await openBus(failing, options);
      await publish(failing, bus, 'before');
      await stored.first(({ id }) => id === 'before');
      await bus.consumer('usage').move(to);
      await publish(failing, bus, 'after');
      await stored.first(({ id }) => id === 'after');
      await expectRuns(failing, 'before', [from, from]);
      await expectRuns(failing, 'after', [to, to]);
      expect(stored.items).toEqual([
        { id: 'before', broker: from },
        { id: 'after', broker: to },
      ]);
      await bus.close();
      expect(checkHistory(failing.history.items)).toEqual([]);
      expect(countOf(failing.history.items, 'delivered')).toBe(4);
    }, 90_000);

    test('run where they wait, once and in time, when the process was started again in between', async () => {
      const failing = failingOnce();
      const options = { servers, consumers: [failing.consumer], inbox: sharedInbox() };
      const before = await openBus(failing, { ...options, fedBy: from });
      await publish(failing, before.bus, 'before');
      await before.stored.first(({ id }) => id === 'before');
      await before.bus.close();
      const after = await openBus(failing, { ...options, fedBy: to });
      await expectRuns(failing, 'before', [from, from]);
      await publish(failing, after.bus, 'after');
      await expectRuns(failing, 'after', [to, to]);
      await after.bus.close();
      expect(checkHistory(failing.history.items)).toEqual([]);
      expect(countOf(failing.history.items, 'delivered')).toBe(4);
    }, 90_000);
  });

  test('a consumer moves back and forth under load while messages fail: each has one effect or one dead letter', async () => {
    const history = recordHistory();
    const topic = usageTopic();
    /** Every tenth message fails once, every tenth always. */
    const failsAt = (sequence: number, attempt: number): boolean =>
      sequence % 10 === 7 || (sequence % 10 === 3 && attempt === 1);
    const consumer = defineConsumer(
      history.consumer({
        name: 'usage',
        topic,
        group: `${topic.name}_group`,
        retry: { inline: { attempts: 1 }, deferred: [500, 1_000] },
        handle: async ({ data }, { attempt }) => {
          if (failsAt(data.sequence, attempt)) throw new Error('not yet');
        },
      }),
    );
    const bus = await openTwoBrokers({
      servers,
      consumers: [consumer],
      inbox: memoryInbox(),
      fedBy: 'rabbitmq',
    });
    cleanups.push(() => bus.close());
    history.watch(bus);
    const stored = createRecorder<string>('brokers of retries');
    bus.on('retry-stored', ({ broker }) => stored.add(broker));
    await bus.start();

    let sequence = 0;
    let isPublishing = true;
    const publishing = (async () => {
      while (isPublishing) {
        await history.publish(bus, topic, { data: { user: `user-${sequence % 9}`, sequence } });
        sequence += 1;
      }
    })();
    for (const to of ['kafka', 'rabbitmq', 'kafka', 'rabbitmq'] as const) {
      await stored.atLeast(stored.items.length + 20); // fails on this broker as well before it leaves
      await bus.consumer('usage').move(to);
    }
    await stored.atLeast(stored.items.length + 20);
    isPublishing = false;
    await publishing;
    const count = (type: HistoryEvent['type']): number => countOf(history.items, type);
    while (count('effect') + count('dead-letter') < sequence) await history.atLeast(history.items.length + 1);

    expect(checkHistory(history.items)).toEqual([]);
    const letters = Array.from({ length: sequence }, (_, n) => n).filter((n) => failsAt(n, 2)).length;
    expect({ ok: count('publish-ok'), letters: count('dead-letter'), moves: count('handover') }).toEqual({
      ok: sequence,
      letters,
      moves: 4,
    });
    expect(count('effect')).toBe(sequence - letters);
    expect(new Set(stored.items)).toEqual(new Set(['rabbitmq', 'kafka']));
  }, 120_000);
});
