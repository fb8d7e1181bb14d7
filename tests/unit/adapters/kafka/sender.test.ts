import { describe, expect, test } from '@jest/globals';
import { ConnectionState } from '../../../../src/adapters/kafka/connection-state.js';
import { Sender } from '../../../../src/adapters/kafka/sender.js';
import { type PublishOutcome, STORED } from '../../../../src/contract/broker.js';
import type { BusEventName } from '../../../../src/contract/events.js';
import type { PublishBounds } from '../../../../src/contract/settings.js';
import { Ticket } from '../../../../src/delivery/publish-ticket.js';
import { createFakeClock } from '../../../../src/testing/fake-clock.js';
import { createSeededRandom } from '../../../../src/testing/seeded-random.js';
import { type RequestFate, ScriptedProducer } from './scripted-producer.js';

const BOUNDS: PublishBounds = { maxInFlight: 100, maxWaiting: 10_000, maxBytes: 1_000_000 };
const MESSAGE_TOO_LARGE = 10;
const TOPIC_AUTHORIZATION_FAILED = 29;
const NOT_ENOUGH_REPLICAS = 19;

function makeSender(client: ScriptedProducer, bounds: Partial<PublishBounds> = {}, seed = 1) {
  const clock = createFakeClock();
  const told: BusEventName[] = [];
  const state = new ConnectionState(clock, (name) => told.push(name));
  const random = createSeededRandom(seed);
  const maxBatchBytes = (): number => 1_048_588;
  const sender = new Sender({
    client,
    bounds: { ...BOUNDS, ...bounds },
    maxBatchBytes,
    clock,
    random,
    state,
  });
  const outcomes = new Map<string, PublishOutcome>();
  const send = (id: string, key: string | null = null, topic = 'orders'): Ticket => {
    const owner = { ticketSettled: (_: Ticket, outcome: PublishOutcome) => void outcomes.set(id, outcome) };
    const body = Buffer.from(id);
    const message = { id, key, body, headers: {}, contentType: 'text/plain', timestampMs: 1_000 };
    const ticket = new Ticket(message, 1e9, owner);
    sender.send(topic, ticket);
    return ticket;
  };
  /** Lets requests and timers run until the tickets are settled; fails when that never happens. */
  const settle = async (count: number): Promise<void> => {
    for (let turn = 0; turn < 5_000 && outcomes.size < count; turn += 1) {
      await new Promise(setImmediate);
      await clock.advance(25);
    }
    expect(outcomes.size).toBe(count);
  };
  return { sender, send, settle, outcomes, told, clock, state };
}

const partitionsOf = (client: ScriptedProducer): string[] => [...client.stored.values()].flat();

describe('Kafka sender', () => {
  test('what is published in one turn goes out in one request, a batch per partition', async () => {
    const client = new ScriptedProducer([1, 1, 1]);
    const { send, settle } = makeSender(client);
    for (let index = 0; index < 60; index += 1) send(`m-${index}`, `key-${index}`);
    await settle(60);
    expect(client.requests).toHaveLength(1);
    expect(client.requests[0]?.batches.map(({ partition }) => partition).sort()).toEqual([0, 1, 2]);
  });

  test('a request takes no more records than the bound, the rest follows', async () => {
    const client = new ScriptedProducer([1]);
    const { send, settle } = makeSender(client, { maxInFlight: 10 });
    for (let index = 0; index < 35; index += 1) send(`m-${index}`);
    await settle(35);
    expect(client.requests.map(({ batches }) => batches[0]?.records.length)).toEqual([10, 10, 10, 5]);
  });

  test('no more records are under way than the bound, over all nodes', async () => {
    const client = new ScriptedProducer([1, 2, 3]);
    let underWay = 0;
    let most = 0;
    const produce = client.produce.bind(client);
    client.produce = async (node, batches) => {
      const count = batches.reduce((sum, { records }) => sum + records.length, 0);
      underWay += count;
      most = Math.max(most, underWay);
      const answers = await produce(node, batches);
      underWay -= count;
      return answers;
    };
    const { send, settle } = makeSender(client, { maxInFlight: 10 });
    for (let index = 0; index < 200; index += 1) send(`m-${index}`, `key-${index}`);
    await settle(200);
    expect(most).toBe(10);
  });

  test('a partition that the answer does not name is sent again (an empty answer stores nothing)', async () => {
    const client = new ScriptedProducer([1, 1]);
    client.fateOf = (_, index) => (index === 0 ? { kind: 'silent', partitions: [0, 1] } : { kind: 'answer' });
    const { send, settle, outcomes } = makeSender(client);
    for (let index = 0; index < 20; index += 1) send(`m-${index}`, `key-${index}`);
    await settle(20);
    expect([...outcomes.values()].every((outcome) => outcome === STORED)).toBe(true);
    expect(partitionsOf(client)).toHaveLength(20);
  });

  test('after one partition failed, exactly that one is sent again', async () => {
    const client = new ScriptedProducer([1, 1]);
    client.fateOf = (_, index) =>
      index === 0 ? { kind: 'refused', code: NOT_ENOUGH_REPLICAS, partitions: [1] } : { kind: 'answer' };
    const { send, settle } = makeSender(client);
    for (let index = 0; index < 20; index += 1) send(`m-${index}`, `key-${index}`);
    await settle(20);
    expect(client.requests).toHaveLength(2);
    expect(client.requests[1]?.batches.map(({ partition }) => partition)).toEqual([1]);
    expect(partitionsOf(client).sort()).toHaveLength(20);
  });

  test('a batch without an answer is sent again before anything behind it', async () => {
    const client = new ScriptedProducer([1]);
    client.fateOf = (_, index) => (index === 0 ? { kind: 'unanswered' } : { kind: 'answer' });
    const { send, settle } = makeSender(client);
    send('m-0', 'same');
    send('m-1', 'same');
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    send('m-2', 'same');
    await settle(3);
    expect(client.stored.get('orders/0')).toEqual(['m-0', 'm-1', 'm-0', 'm-1', 'm-2']);
  });

  test('records go to the new leader when a partition moves', async () => {
    const client = new ScriptedProducer([1, 1]);
    const { send, settle } = makeSender(client);
    send('warm-up', 'a');
    await settle(1);
    client.leaders = [2, 2];
    for (let index = 0; index < 10; index += 1) send(`m-${index}`, `key-${index}`);
    await settle(11);
    expect(client.requests.at(-1)?.node).toBe(2);
    expect(partitionsOf(client)).toHaveLength(11);
  });

  test('a node that does not answer delays only its own partitions', async () => {
    const client = new ScriptedProducer([1, 2]);
    client.fateOf = ({ node }) => (node === 1 ? { kind: 'lost' } : { kind: 'answer' });
    const { send, settle, outcomes } = makeSender(client);
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    for (const key of keys) send(`m-${key}`, key);
    const onSecond = (): number => client.stored.get('orders/1')?.length ?? 0;
    await settle(0);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(onSecond()).toBeGreaterThan(0);
    expect(outcomes.size).toBe(onSecond());
    client.fateOf = () => ({ kind: 'answer' });
    await settle(keys.length);
  });

  test('one record that is too large fails alone, the others keep their order', async () => {
    const client = new ScriptedProducer([1]);
    client.fateOf = ({ batches }) =>
      batches[0]?.records.some(({ value }) => String(value) === 'm-13')
        ? { kind: 'refused', code: MESSAGE_TOO_LARGE, partitions: [0] }
        : { kind: 'answer' };
    const { send, settle, outcomes } = makeSender(client);
    const ids = Array.from({ length: 40 }, (_, index) => `m-${index}`);
    for (const id of ids) send(id, 'same');
    await settle(40);
    expect(client.stored.get('orders/0')).toEqual(ids.filter((id) => id !== 'm-13'));
    expect(outcomes.get('m-13')).toMatchObject({ status: 'failed', error: { code: 'BC_MESSAGE_TOO_LARGE' } });
  });

  test('a missing permission fails what it concerns and nothing else', async () => {
    const client = new ScriptedProducer([1, 1]);
    client.fateOf = () => ({ kind: 'refused', code: TOPIC_AUTHORIZATION_FAILED, partitions: [1] });
    const { send, settle, outcomes, told } = makeSender(client);
    for (let index = 0; index < 10; index += 1) send(`m-${index}`, `key-${index}`);
    await settle(10);
    const statuses = [...outcomes.values()].map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set(['stored', 'failed']));
    expect(client.requests).toHaveLength(1);
    expect(told).toEqual([]);
  });

  test('a message whose ticket is settled while it waits is not sent', async () => {
    const client = new ScriptedProducer([1]);
    client.openError = new Error('connection refused');
    const { send, settle, sender, clock } = makeSender(client);
    const first = send('given-up');
    send('kept');
    const middle = send('given-up-too');
    send('kept-too');
    await clock.advance(100);
    for (const ticket of [first, middle]) ticket.abandon('BC_PUBLISH_TIMEOUT', 'No answer.');
    expect(first.wasSent).toBe(false);
    client.openError = null;
    await settle(4);
    expect(partitionsOf(client)).toEqual(['kept', 'kept-too']);
    expect(sender.pending).toBe(0);
  });

  test('a topic that metadata do not know is refused after five looks, and may come later', async () => {
    const client = new ScriptedProducer(null);
    const { send, settle, outcomes } = makeSender(client);
    const refused = send('early');
    await settle(1);
    expect(outcomes.get('early')).toMatchObject({ status: 'failed', error: { code: 'BC_PLACE_MISSING' } });
    expect(refused.wasSent).toBe(false);
    expect(client.descriptions).toBe(5);
    client.leaders = [1];
    send('late');
    await settle(2);
    expect(outcomes.get('late')).toBe(STORED);
  });

  test('records without a key are spread over the partitions that have a leader', async () => {
    const client = new ScriptedProducer([1, -1, 1]);
    const { send, settle } = makeSender(client);
    for (let index = 0; index < 600; index += 1) send(`m-${index}`);
    await settle(600);
    expect(client.stored.get('orders/0')?.length).toBeGreaterThan(100);
    expect(client.stored.get('orders/2')?.length).toBeGreaterThan(100);
    expect(client.stored.has('orders/1')).toBe(false);
  });

  test('loss and recovery are told once each', async () => {
    const client = new ScriptedProducer([1]);
    const { send, settle, told, state } = makeSender(client);
    send('m-0');
    await settle(1);
    client.openError = new Error('connection refused');
    send('m-1');
    for (let turn = 0; turn < 5; turn += 1) await settle(1);
    await new Promise(setImmediate);
    client.openError = null;
    await settle(2);
    expect(told).toEqual(['broker-lost', 'broker-recovered']);
    expect(state.state).toBe('up');
  });

  test('memory is bounded in bytes, and settled tickets make room', async () => {
    const client = new ScriptedProducer([1]);
    client.openError = new Error('connection refused');
    const { send, outcomes, sender, clock } = makeSender(client, { maxBytes: 1_000 });
    const tickets = Array.from({ length: 40 }, (_, index) => send(`m-${index}`));
    expect(outcomes.size).toBeGreaterThan(0);
    expect([...outcomes.values()][0]).toMatchObject({ error: { code: 'BC_PUBLISH_OVERFLOW' } });
    for (const ticket of tickets) ticket.abandon('BC_PUBLISH_TIMEOUT', 'No answer.');
    await clock.advance(100);
    const late = send('late');
    expect(late.isSettled).toBe(false);
    expect(sender.pending).toBe(1);
  });

  test.each(Array.from({ length: 20 }, (_, seed) => seed + 1))(
    'seeded chaos %i: every stored message is in its log, first occurrences in order',
    async (seed) => {
      const random = createSeededRandom(seed);
      const client = new ScriptedProducer([1, 2, 1, 2]);
      const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
      const faults: readonly RequestFate[] = [
        { kind: 'answer' },
        { kind: 'answer' },
        { kind: 'answer' },
        { kind: 'lost' },
        { kind: 'unanswered' },
        { kind: 'silent', partitions: [0, 3] },
        { kind: 'refused', code: NOT_ENOUGH_REPLICAS, partitions: [1, 2] },
      ];
      client.fateOf = () => {
        if (random() < 0.1) client.leaders = [pick([1, 2, 3]), pick([1, 2]), pick([1, 3]), pick([2, 3])];
        return pick(faults);
      };
      const { send, outcomes, clock } = makeSender(client, {}, seed);
      const total = 400;
      for (let index = 0; index < total; index += 1) {
        send(`${index}`, `key-${index % 13}`);
        if (random() < 0.1) await new Promise(setImmediate);
        if (random() < 0.05) await clock.advance(40);
      }
      for (let turn = 0; turn < 5_000 && outcomes.size < total; turn += 1) {
        await new Promise(setImmediate);
        await clock.advance(25);
      }
      expect([...outcomes.values()].filter((outcome) => outcome !== STORED)).toEqual([]);
      const all = [...client.stored.values()];
      expect(new Set(all.flat()).size).toBe(total);
      for (const log of all) {
        const firsts = [...new Set(log)].map(Number);
        const byKey = groupByKey(firsts);
        for (const indexes of byKey.values()) expect(indexes).toEqual([...indexes].sort((a, b) => a - b));
      }
    },
  );
});

function groupByKey(indexes: readonly number[]): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const index of indexes) groups.set(index % 13, [...(groups.get(index % 13) ?? []), index]);
  return groups;
}
