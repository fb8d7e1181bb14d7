import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Headers } from '../../../src/contract/message.js';
import { sendPoison } from '../../support/amqp-poison.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import {
  attachRecorder,
  type Cleanup,
  cleanup,
  makePlaces,
  message,
  openBroker,
  openPlain,
  type Plain,
  STORED,
  untilHolds,
  VERSIONS,
} from './harness.js';

describeWithServers('a message over RabbitMQ', { shared: VERSIONS }, (servers) => {
  describe.each(VERSIONS)('%s', (version) => {
    let undo: Cleanup;
    let plain: Plain;
    const { url } = servers[version];
    beforeEach(async () => {
      undo = cleanup();
      plain = await openPlain(url, undo);
    });
    afterEach(() => undo.run());

    const openTopic = async () => {
      const places = makePlaces(plain, undo);
      const broker = await openBroker(url, undo);
      await broker.port.provision({ topics: [places.topic], consumers: [places.consumer] });
      return { ...places, broker };
    };

    test('keeps body, key, headers, id, content type and time', async () => {
      const { broker, topic, consumer } = await openTopic();
      const timestampMs = Date.parse('2026-01-02T03:04:05.678Z');
      const sent = message({
        id: 'ünïcode-id',
        body: Buffer.from([0, 255, 1, 10]),
        key: 'kéy',
        contentType: 'application/x-thing',
        timestampMs,
        headers: {
          'bc-key': 'kéy',
          'bc-published-at': new Date(timestampMs).toISOString(),
          unicode: '💡 \r\n',
          empty: '',
          bytes: Buffer.from([1, 2, 255]),
        },
      });
      expect(await broker.publish(topic, sent)).toBe(STORED);
      const { seen } = await attachRecorder(broker, consumer);
      const [delivery] = await seen.until(() => true);
      const { headers, ...rest } = delivery?.message ?? { headers: {} as Headers };
      expect(rest).toMatchObject({
        id: 'ünïcode-id',
        key: 'kéy',
        body: sent.body,
        contentType: 'application/x-thing',
        timestampMs,
        isRedelivered: false,
      });
      expect({ ...headers }).toEqual(sent.headers);
      expect(Object.getPrototypeOf(headers)).toBeNull();
    });

    test('carries our id, persistence and time as AMQP properties, and no expiration or user', async () => {
      const { broker, topic, queue } = await openTopic();
      const sent = message({ timestampMs: 1_767_323_045_678 });
      await broker.publish(topic, sent);
      const channel = await plain.channel();
      const got = await channel.get(queue, { noAck: true });
      if (got === false) throw new Error('nothing in the queue');
      expect(got.properties).toMatchObject({
        messageId: sent.id,
        deliveryMode: 2,
        contentType: 'application/json',
        timestamp: 1_767_323_045,
        expiration: undefined,
        userId: undefined,
      });
    });

    test('tells an empty body from a tombstone', async () => {
      const { broker, topic, consumer } = await openTopic();
      await broker.publish(topic, message({ body: Buffer.alloc(0) }));
      await broker.publish(topic, message({ body: null }));
      const { seen } = await attachRecorder(broker, consumer);
      const bodies = (await seen.until(() => true, 2)).map((one) => one.message.body);
      expect(bodies).toEqual([Buffer.alloc(0), null]);
    });

    test('of a foreign producer keeps the types of its headers when it is published on', async () => {
      const { broker, topic, consumer, queue } = await openTopic();
      const foreign = {
        text: 'text',
        flag: true,
        nothing: null,
        small: 7,
        negative: -70_000,
        large: 2 ** 40,
        fraction: 1.5,
        big: { '!': 'double', value: 2 ** 51 + 0.5 },
        when: { '!': 'timestamp', value: 1_700_000_000 },
        price: { '!': 'decimal', value: { places: 2, digits: 1234 } },
        list: [1, 'two', [false]],
        table: { inner: { deep: 1 } },
        bytes: Buffer.from([9, 8]),
      };
      const channel = await plain.channel();
      channel.sendToQueue(queue, Buffer.from('{}'), {
        headers: foreign,
        messageId: 'foreign',
        timestamp: 1_700_000_000,
      });
      const { seen } = await attachRecorder(broker, consumer);
      const [first] = await seen.until((one) => one.message.id === 'foreign');
      expect(first?.message.timestampMs).toBe(1_700_000_000_000);
      const headers = first?.message.headers as Headers;
      expect(await broker.publish(topic, message({ id: 'copy', headers }))).toBe(STORED);
      const [second] = await seen.until((one) => one.message.id === 'copy');
      for (const name of Object.keys(foreign)) {
        expect([name, second?.message.headers[name]]).toEqual([name, headers[name]]);
      }
      expect(headers).toMatchObject({ fraction: 1.5, big: 2 ** 51 + 0.5, nothing: null });
    });

    test('with a number that AMQP has no value for is refused, and those beside it are not', async () => {
      const { broker, topic } = await openTopic();
      const outcomes = await Promise.all([
        broker.publish(topic, message()),
        broker.publish(topic, message({ headers: { bad: Number.NaN } })),
        broker.publish(topic, message({ headers: { bad: [Number.NEGATIVE_INFINITY] } })),
        broker.publish(topic, message()),
      ]);
      const invalid = { status: 'failed', error: expect.objectContaining({ code: 'BC_MESSAGE_INVALID' }) };
      expect(outcomes).toEqual([STORED, invalid, invalid, STORED]);
    });

    test('with a bigint or Date header arrives as AMQP integer and timestamp', async () => {
      const { broker, topic, queue } = await openTopic();
      const when = new Date('2026-01-01T00:00:00Z');
      await broker.publish(topic, message({ headers: { int: 12n, when: when as unknown as string } }));
      const got = await (await plain.channel()).get(queue, { noAck: true });
      expect(got).toMatchObject({
        properties: { headers: { int: 12, when: { '!': 'timestamp', value: when.getTime() / 1000 } } },
      });
    });

    test('with hostile headers stays inert', async () => {
      const { broker, topic, consumer, queue } = await openTopic();
      const headers = Object.assign(Object.create(null), {
        ['__proto__']: { 'bc-attempt': '99', stray: 'value' },
        nested: Object.assign(Object.create(null), { ['__proto__']: { x: 'y' } }),
        trap: Object.create({ '!': 'no such type' }),
        '': 'empty name',
      });
      const channel = await plain.channel();
      channel.publish('', queue, Buffer.from('{}'), { headers, messageId: 'hostile' });
      const { seen } = await attachRecorder(broker, consumer);
      const [delivery] = await seen.until(() => true);
      const got = delivery?.message.headers as Headers;
      expect(got['bc-attempt']).toBeUndefined();
      expect((got.nested as Headers).x).toBeUndefined();
      expect(got.trap).toEqual({ '!': 'no such type' });
      expect(await broker.publish(topic, message({ id: 'copy', headers: got }))).toBe(STORED);
      const [copy] = await seen.until((one) => one.message.id === 'copy');
      expect(copy?.message.headers.trap).toEqual({ '!': 'no such type' });
      expect({}).not.toHaveProperty('stray');
    });

    test('without any id, type or time is handed over as such', async () => {
      const { broker, consumer, queue } = await openTopic();
      const channel = await plain.channel();
      channel.sendToQueue(queue, Buffer.from('plain'));
      const { seen } = await attachRecorder(broker, consumer);
      const [delivery] = await seen.until(() => true);
      expect(delivery?.message).toMatchObject({
        id: null,
        key: null,
        contentType: null,
        timestampMs: null,
        body: Buffer.from('plain'),
      });
    });

    test('with a foreign id of 10 KB is published on', async () => {
      const { broker, topic, consumer } = await openTopic();
      const id = 'i'.repeat(10_000);
      expect(await broker.publish(topic, message({ id }))).toBe(STORED);
      const { seen } = await attachRecorder(broker, consumer);
      const [delivery] = await seen.until(() => true);
      expect(delivery?.message.id).toBe(id);
    });

    test('that kills the client ends in the dead-letter queue, and takes no innocent along', async () => {
      const { broker, topic, consumer, queue } = await openTopic();
      const innocents = Array.from({ length: 30 }, () => message());
      await Promise.all(innocents.slice(0, 5).map((one) => broker.publish(topic, one)));
      await sendPoison(url, { exchange: '', routingKey: queue });
      await Promise.all(innocents.slice(5).map((one) => broker.publish(topic, one)));
      const { seen } = await attachRecorder(broker, consumer, { capacity: 10 });
      await Promise.all(innocents.map(({ id }) => seen.until((one) => one.message.id === id)));
      expect(broker.told.all.filter((one) => one.name === 'broker-lost').length).toBeGreaterThan(0);
      await untilHolds(plain, `${queue}_dlq`, 1);
    }, 90_000);

    test('that kills the client again and again spares what other consumers are handling', async () => {
      const poisoned = await openTopic();
      const { broker } = poisoned;
      const other = makePlaces(plain, undo);
      await broker.port.provision({ topics: [other.topic], consumers: [other.consumer] });
      const slow = message();
      await broker.publish(other.topic, slow);
      const { seen, leg } = await attachRecorder(broker, other.consumer, { hold: () => true });
      await seen.until(() => true);
      await sendPoison(url, { exchange: '', routingKey: poisoned.queue });
      const after = message();
      await broker.publish(poisoned.topic, after);
      const { seen: seenAfter } = await attachRecorder(broker, poisoned.consumer);
      await seenAfter.until((one) => one.message.id === after.id);
      await untilHolds(plain, `${poisoned.queue}_dlq`, 1);
      expect(broker.told.all.filter((one) => one.name === 'broker-lost').length).toBeGreaterThan(1);
      const [last] = await seen.until(({ source }) => !source.isLost);
      expect(seen.all.length).toBeLessThanOrEqual(3);
      last?.settle();
      await leg.detach({ deadlineMs: 2_000 });
      expect(await broker.port.depth(other.consumer)).toBe(0);
      expect((await (await plain.channel()).checkQueue(`${other.queue}_dlq`)).messageCount).toBe(0);
    }, 90_000);
  });
});
