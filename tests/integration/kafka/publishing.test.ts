import { expect, test } from '@jest/globals';
import { STORED } from '../../../src/contract/broker.js';
import { topicByName } from '../../../src/contract/define-topic.js';
import { systemClock } from '../../../src/delivery/system-clock.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import {
  closeBrokersAfterEach,
  makeBroker,
  openBroker,
  recordingSpec,
  send,
  someConsumer,
  someMessage,
  someTopic,
  uniqueName,
} from './kafka-harness.js';

describeWithServers('Kafka publishing', { shared: ['kafka'] }, ({ kafka }) => {
  closeBrokersAfterEach();

  test('an unknown topic is refused by name and the next publish works', async () => {
    const { broker } = await openBroker(kafka.brokers);
    const topic = someTopic();
    await broker.provision({ topics: [topic], consumers: [] });
    const missing = topicByName(uniqueName('nowhere'));
    const refused = send(broker.publisher({ kind: 'topic', topic: missing }), someMessage('lost'));
    const stored = send(broker.publisher({ kind: 'topic', topic }), someMessage('kept'));
    expect(await refused.outcome).toMatchObject({ status: 'failed', error: { code: 'BC_PLACE_MISSING' } });
    expect(await stored.outcome).toBe(STORED);
    expect(refused.ticket.wasSent).toBe(false);
  });

  test('a topic that was missing is found once it is there', async () => {
    const { broker } = await openBroker(kafka.brokers);
    const topic = someTopic();
    const publisher = broker.publisher({ kind: 'topic', topic });
    expect(await send(publisher, someMessage('early')).outcome).toMatchObject({
      error: { code: 'BC_PLACE_MISSING' },
    });
    await broker.provision({ topics: [topic], consumers: [] });
    expect(await send(publisher, someMessage('late')).outcome).toBe(STORED);
  });

  test('providing an existing topic that is not there is refused', async () => {
    const { broker } = await openBroker(kafka.brokers);
    const topic = someTopic({ existing: true });
    await expect(broker.provision({ topics: [topic], consumers: [] })).rejects.toMatchObject({
      code: 'BC_PLACE_MISSING',
    });
  });

  test('one oversize message in a batch fails alone', async () => {
    const { broker } = await openBroker(kafka.brokers);
    const topic = someTopic({ partitions: 2, config: { 'max.message.bytes': '20000' } });
    const consumer = someConsumer(topic);
    await broker.provision({ topics: [topic], consumers: [consumer] });
    const publisher = broker.publisher({ kind: 'topic', topic });
    expect(publisher.maxMessageBytes).toBeLessThan(20_000);
    const bodies = Array.from({ length: 60 }, (_, index) => Buffer.alloc(index === 31 ? 30_000 : 300, 120));
    const sent = bodies.map((body, index) =>
      send(publisher, someMessage(`m-${index}`, { body, key: 'same' })),
    );
    const outcomes = await Promise.all(sent.map(({ outcome }) => outcome));
    const failed = outcomes.flatMap((outcome, index) => (outcome === STORED ? [] : [index]));
    expect(failed).toEqual([31]);
    expect(outcomes[31]).toMatchObject({ status: 'failed', error: { code: 'BC_MESSAGE_TOO_LARGE' } });

    const { spec, deliveries } = recordingSpec(consumer);
    await broker.attach(spec);
    const ids = (await deliveries.count(59)).map(({ message }) => message.id);
    expect(ids).toEqual(bodies.map((_, index) => `m-${index}`).filter((id) => id !== 'm-31'));
  });

  test('a tombstone and an empty body stay apart, and so do no key and an empty one', async () => {
    const { broker } = await openBroker(kafka.brokers);
    const topic = someTopic({ partitions: 1 });
    const consumer = someConsumer(topic);
    await broker.provision({ topics: [topic], consumers: [consumer] });
    const publisher = broker.publisher({ kind: 'topic', topic });
    await send(publisher, someMessage('tombstone', { body: null, key: '' })).outcome;
    await send(publisher, someMessage('empty', { body: Buffer.alloc(0), key: null })).outcome;
    const { spec, deliveries } = recordingSpec(consumer);
    await broker.attach(spec);
    const [tombstone, empty] = (await deliveries.count(2)).map(({ message }) => message);
    expect(tombstone).toMatchObject({ id: 'tombstone', body: null, key: '' });
    expect(empty).toMatchObject({ id: 'empty', body: Buffer.alloc(0), key: null });
  });

  test('headers come back with their types, whatever their names', async () => {
    const { broker } = await openBroker(kafka.brokers);
    const topic = someTopic({ partitions: 1 });
    const consumer = someConsumer(topic);
    await broker.provision({ topics: [topic], consumers: [consumer] });
    const headers = {
      ...JSON.parse('{"__proto__": "inert"}'),
      constructor: 'also inert',
      empty: '',
      'ключ-🔑': 'значение',
      nothing: null,
      number: 4.5,
      list: ['a', 1, null],
      bytes: Buffer.from([0, 159, 255]),
    };
    await send(broker.publisher({ kind: 'topic', topic }), someMessage('typed', { headers })).outcome;
    const { spec, deliveries } = recordingSpec(consumer);
    await broker.attach(spec);
    const [delivery] = await deliveries.count(1);
    const received = delivery?.message.headers as Record<string, unknown>;
    for (const name of Object.keys(headers)) expect([name, received[name]]).toEqual([name, headers[name]]);
    expect(Object.getPrototypeOf(received)).toBeNull();
  });

  test('more than the bounds is refused at once, and what was taken is stored', async () => {
    const { broker } = await openBroker(kafka.brokers, { bounds: { maxInFlight: 10, maxWaiting: 20 } });
    const topic = someTopic();
    await broker.provision({ topics: [topic], consumers: [] });
    const publisher = broker.publisher({ kind: 'topic', topic });
    const sent = Array.from({ length: 50 }, (_, index) => send(publisher, someMessage(`m-${index}`)));
    expect(sent.filter(({ ticket }) => ticket.isSettled)).toHaveLength(20);
    const outcomes = await Promise.all(sent.map(({ outcome }) => outcome));
    expect(outcomes.slice(0, 30).every((outcome) => outcome === STORED)).toBe(true);
    expect(outcomes[30]).toMatchObject({ status: 'failed', error: { code: 'BC_PUBLISH_OVERFLOW' } });
    expect(broker.health().pendingPublishes).toBe(0);
  });

  test('closing settles what was taken, and refuses what comes after', async () => {
    const { broker } = await openBroker(kafka.brokers);
    const topic = someTopic();
    await broker.provision({ topics: [topic], consumers: [] });
    const publisher = broker.publisher({ kind: 'topic', topic });
    const sent = Array.from({ length: 500 }, (_, index) => send(publisher, someMessage(`m-${index}`)));
    await broker.close({ deadlineMs: 5_000 });
    const outcomes = await Promise.all(sent.map(({ outcome }) => outcome));
    expect(outcomes.every((outcome) => outcome === STORED)).toBe(true);
    expect(await send(publisher, someMessage('late')).outcome).toMatchObject({
      status: 'failed',
      error: { code: 'BC_LIFECYCLE' },
    });
  });

  test('without a broker, messages wait, and closing at the deadline says that they failed', async () => {
    const { broker } = makeBroker(['127.0.0.1:1']);
    const publisher = broker.publisher({ kind: 'topic', topic: someTopic() });
    const { outcome, ticket } = send(publisher, someMessage('stuck'));
    const startMs = systemClock.monotonicMs();
    await broker.close({ deadlineMs: 300 });
    expect(systemClock.monotonicMs() - startMs).toBeLessThan(2_000);
    expect(await outcome).toMatchObject({ status: 'failed', error: { code: 'BC_LIFECYCLE' } });
    expect(ticket.wasSent).toBe(false);
  });

  test.each(['gzip', 'snappy', 'lz4'] as const)(
    'batches compressed with %s are read back',
    async (compression) => {
      const { broker } = await openBroker(kafka.brokers, { settings: { compression } });
      const topic = someTopic();
      const consumer = someConsumer(topic);
      await broker.provision({ topics: [topic], consumers: [consumer] });
      const publisher = broker.publisher({ kind: 'topic', topic });
      const body = Buffer.from(JSON.stringify({ text: 'again and '.repeat(500) }));
      const sent = Array.from({ length: 300 }, (_, index) =>
        send(publisher, someMessage(`m-${index}`, { body })),
      );
      for (const { outcome } of sent) expect(await outcome).toBe(STORED);
      const { spec, deliveries } = recordingSpec(consumer);
      await broker.attach(spec);
      const all = await deliveries.count(300);
      expect(all.every(({ message }) => message.body?.equals(body))).toBe(true);
    },
  );
});
