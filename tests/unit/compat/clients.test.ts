import { afterEach, describe, expect, test } from '@jest/globals';
import { type Clients, createClients, type InitializeOptions } from '../../../src/compat/kafka-client.js';
import { createLogger } from '../../../src/index.js';
import { createRecorder } from '../../../src/testing/recorder.js';

const closing: Clients[] = [];
afterEach(async () => {
  for (const { KafkaClient } of closing.splice(0)) await KafkaClient.close({ deadlineMs: 0 });
});

/** Clients over embedded brokers; `lines` is what a terminal would show. */
function openClients(env: Record<string, string> = {}) {
  const clients = createClients();
  closing.push(clients);
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  const options: InitializeOptions = {
    env: { EMBEDDED: 'true', ...env },
    file: false,
    logger: createLogger({ level: 'debug', pretty: true, stream }),
  };
  return { ...clients, options, lines };
}

const named = (name: string, more: object = {}): Error =>
  Object.assign(new Error(`a ${name}`), { name }, more);

describe('publishing', () => {
  test('goes to every enabled broker, and to a topic that nobody has made', async () => {
    const { KafkaClient, initializeKafka, options } = openClients();
    await initializeKafka(options);
    const { brokers } = await KafkaClient.publishToTopic('orders_topic', { n: 1 });
    expect(brokers).toEqual({ kafka: 'stored', rabbitmq: 'stored' });
  });

  test('warns once when no queue may be bound for a topic', async () => {
    const { KafkaClient, initializeKafka, options, lines } = openClients();
    await initializeKafka(options);
    await Promise.all([1, 2, 3].map((n) => KafkaClient.publishToTopic('orders_topic', n)));
    expect(lines.filter((line) => line.includes("⚠️ Topic 'orders_topic' has no consumer here"))).toHaveLength(
      1,
    );
  });

  test('of a message for a queue that is not there is an error, not a loss', async () => {
    const { RabbitMQClient, initializeRabbitMQ, options } = openClients({ RABBITMQ_ENABLED: 'true' });
    await initializeRabbitMQ(options);
    await expect(RabbitMQClient.publishToQueue('orders', 1)).rejects.toMatchObject({
      code: 'BC_PUBLISH_FAILED',
    });
    await RabbitMQClient.consumeFromQueue('orders', () => undefined);
    const { brokers } = await RabbitMQClient.publishToQueue('orders', 1, { id: 'one' });
    expect(brokers).toEqual({ rabbitmq: 'stored' });
  });

  test('before initialize is refused, and waits for one that is under way', async () => {
    const { KafkaClient, initializeKafka, options } = openClients();
    await expect(KafkaClient.publishToTopic('orders_topic', 1)).rejects.toMatchObject({
      code: 'BC_LIFECYCLE',
      message: expect.stringContaining('"orders_topic" came before initializeKafka()'),
    });
    const initializing = initializeKafka(options);
    await expect(KafkaClient.publishToTopic('orders_topic', 1)).resolves.toMatchObject({
      brokers: { kafka: 'stored' },
    });
    await initializing;
  });

  test.each([
    ['a name that Kafka refuses', 'or ders', 1, 'BC_NAME_INVALID'],
    ['no name', '', 1, 'BC_DEFINITION_INVALID'],
    ['data without JSON', 'orders_topic', 1n, 'BC_MESSAGE_INVALID'],
    ['no data', 'orders_topic', undefined, 'BC_MESSAGE_INVALID'],
  ])('of %s is refused and the next message is taken', async (_, topic, data, code) => {
    const { KafkaClient, initializeKafka, options } = openClients();
    await initializeKafka(options);
    await expect(KafkaClient.publishToTopic(topic, data)).rejects.toMatchObject({ code });
    await expect(KafkaClient.publishToTopic(topic, data)).rejects.toMatchObject({ code });
    await KafkaClient.publishToTopic('orders_topic', 1);
  });

  test('of a key that is no text is refused', async () => {
    const { KafkaClient, initializeKafka, options } = openClients();
    await initializeKafka(options);
    await expect(KafkaClient.publishToTopic('orders_topic', 1, 7 as never)).rejects.toMatchObject({
      code: 'BC_MESSAGE_INVALID',
    });
  });
});

describe('consuming', () => {
  test('begins with initialize for what was registered before, and at once for what comes after', async () => {
    const { KafkaClient, RabbitMQClient, initializeKafka, options } = openClients();
    const handled = createRecorder<unknown>();
    await KafkaClient.consumeFromTopic('orders_topic', 'orders-group', (data) =>
      handled.add(['before', data]),
    );
    await initializeKafka(options);
    await KafkaClient.publishToTopic('orders_topic', { n: 1 });
    await handled.atLeast(1);
    await RabbitMQClient.consumeFromQueue('mails', async (data) => handled.add(['after', data]));
    await RabbitMQClient.publishToQueue('mails', { n: 2 });
    expect(await handled.atLeast(2)).toEqual([
      ['before', { n: 1 }],
      ['after', { n: 2 }],
    ]);
  });

  test('follows the flag of the group, also of one that is registered late', async () => {
    const flags = { CONSUMER_ORDERS_GROUP_BROKER: 'kafka', CONSUMER_LATE_GROUP_BROKER: 'kafka' };
    const { KafkaClient, initializeKafka, options, lines } = openClients(flags);
    const handled = createRecorder<unknown>();
    await KafkaClient.consumeFromTopic('orders_topic', 'orders-group', (data) => handled.add(data));
    await initializeKafka(options);
    expect(lines.join('')).toContain(
      'CONSUMER_LATE_GROUP_BROKER is set for a consumer that is not there (yet)',
    );
    await KafkaClient.consumeFromTopic('orders_topic', 'late-group', (data) => handled.add(data));
    await KafkaClient.publishToTopic('orders_topic', 1);
    await handled.atLeast(2);
    const processed = lines.filter((line) =>
      line.includes("✅ Message processed from topic 'orders_topic' (Partition: "),
    );
    expect(processed).toHaveLength(2);
  });

  test('has one consumer per topic of a group, the first one named by the group', async () => {
    const { KafkaClient, initializeKafka, options } = openClients({ CONSUMER_GROUP_B_TOPIC_BROKER: 'kafka' });
    const handled = createRecorder<string>();
    for (const topic of ['a_topic', 'b_topic'])
      await KafkaClient.consumeFromTopic(topic, 'group', () => handled.add(topic));
    await initializeKafka(options);
    for (const topic of ['a_topic', 'b_topic']) await KafkaClient.publishToTopic(topic, 1);
    expect([...(await handled.atLeast(2))].sort()).toEqual(['a_topic', 'b_topic']);
  });

  test('of a group named as another consumer is refused, and that one goes on', async () => {
    const { KafkaClient, initializeKafka, options } = openClients();
    const handled = createRecorder<string>();
    const consume = (topic: string, group: string) =>
      KafkaClient.consumeFromTopic(topic, group, () => handled.add(topic));
    await consume('orders', 'shop');
    await consume('users', 'shop');
    const refusal = '"shop_users" is the name of the consumer of "users" in group "shop"';
    await expect(consume('mails', 'shop_users')).rejects.toThrow(refusal);
    await initializeKafka(options);
    await expect(consume('mails', 'shop_users')).rejects.toThrow(refusal);
    await KafkaClient.publishToTopic('users', 1);
    expect(await handled.atLeast(1)).toEqual(['users']);
  });

  test.each([
    ['a handler that is no function', 'orders_topic', 'g', undefined, 'BC_DEFINITION_INVALID'],
    ['an empty group', 'orders_topic', '', () => undefined, 'BC_DEFINITION_INVALID'],
    ['a topic without a name', undefined, 'g', () => undefined, 'BC_DEFINITION_INVALID'],
  ])('of %s is refused at once', async (_, topic, group, handler, code) => {
    const { KafkaClient, initializeKafka, options } = openClients();
    const consuming = KafkaClient.consumeFromTopic(topic as never, group, handler as never);
    await expect(consuming).rejects.toMatchObject({ code });
    await initializeKafka(options);
  });

  test('of one topic twice in one group is refused, before and after initialize', async () => {
    const { KafkaClient, initializeKafka, options } = openClients();
    const consume = () => KafkaClient.consumeFromTopic('orders_topic', 'orders-group', () => undefined);
    await consume();
    await expect(consume()).rejects.toThrow(
      '"orders_topic" in group "orders-group" is refused: it is registered',
    );
    await initializeKafka(options);
    await expect(consume()).rejects.toMatchObject({ code: 'BC_DEFINITION_INVALID' });
  });

  test('that the bus refuses late can be tried again', async () => {
    const { KafkaClient, initializeKafka, options } = openClients();
    await initializeKafka(options);
    const consume = (group: string) => KafkaClient.consumeFromTopic('orders_topic', group, () => undefined);
    await expect(consume('a b')).rejects.toMatchObject({ code: 'BC_DEFINITION_INVALID' });
    await consume('a-b');
    await expect(consume('a.b')).rejects.toMatchObject({ code: 'BC_CONFIG_INVALID' }); // one flag for two
    await expect(consume('a.b')).rejects.toMatchObject({ code: 'BC_CONFIG_INVALID' });
  });
});

describe('a handler that fails', () => {
  test.each([
    ['a ValidationError', named('ValidationError')],
    ['a ZodError', named('ZodError')],
    ['a duplicate key of whatever index', named('MongoServerError', { code: 11_000 })],
  ])('with %s has its message logged and dropped', async (_, error) => {
    const { KafkaClient, initializeKafka, options, lines } = openClients();
    const handled = createRecorder<unknown>();
    await KafkaClient.consumeFromTopic('orders_topic', 'orders-group', (data) => {
      handled.add(data);
      if (data === 'bad') throw error;
    });
    await initializeKafka(options);
    for (const data of ['bad', 'good']) await KafkaClient.publishToTopic('orders_topic', data, 'one-key');
    expect(await handled.atLeast(2)).toEqual(['bad', 'good']);
    expect(lines.some((line) => line.includes('⚠️ Dropping message to avoid infinite loop'))).toBe(true);
  });

  test.each([
    ['an error', new Error('down')],
    ['a text', 'down'],
    ['nothing', undefined],
    ['code 11000 as text', named('Error', { code: '11000' })],
  ])('with %s is tried three times, then its message is a dead letter', async (_, thrown) => {
    const flags = { CONSUMER_ORDERS_GROUP_BROKER: 'kafka', CONSUMER_LETTERS_GROUP_BROKER: 'kafka' };
    const { KafkaClient, initializeKafka, options } = openClients(flags);
    const letters = createRecorder<unknown>();
    let runs = 0;
    await KafkaClient.consumeFromTopic('orders_topic', 'orders-group', () => {
      runs += 1;
      throw thrown;
    });
    await initializeKafka({ ...options, random: () => 0.5 });
    await KafkaClient.consumeFromTopic('orders_topic_dlt', 'letters-group', (data) => letters.add(data));
    await KafkaClient.publishToTopic('orders_topic', { n: 1 });
    expect(await letters.atLeast(1)).toEqual([{ n: 1 }]);
    expect(runs).toBe(3);
  });
});

describe('initialize', () => {
  test('is shared by both clients and takes options once', async () => {
    const { initializeKafka, initializeRabbitMQ, options } = openClients();
    await Promise.all([initializeKafka(options), initializeRabbitMQ(), initializeKafka()]);
    await expect(initializeRabbitMQ(options)).rejects.toMatchObject({ code: 'BC_LIFECYCLE' });
  });

  test('refuses what createBus refuses, and can be called again', async () => {
    const { KafkaClient, initializeKafka, options } = openClients();
    const handled = createRecorder<unknown>();
    await KafkaClient.consumeFromTopic('orders_topic', 'orders-group', (data) => handled.add(data));
    const env = { EMBEDDED: 'true', KAFKA_ENABLED: 'true', CONSUMER_ORDERS_GROUP_BROKER: 'rabbitmq' };
    await expect(initializeKafka({ ...options, env })).rejects.toMatchObject({ code: 'BC_CONFIG_INVALID' });
    await initializeKafka(options);
    await KafkaClient.publishToTopic('orders_topic', 1);
    await handled.atLeast(1);
  });

  test('sets up what is registered while it is under way, once', async () => {
    const { KafkaClient, initializeKafka, options } = openClients();
    const handled = createRecorder<unknown>();
    const initializing = initializeKafka(options);
    await KafkaClient.consumeFromTopic('orders_topic', 'orders-group', (data) => handled.add(data));
    await initializing;
    await KafkaClient.publishToTopic('orders_topic', 1);
    expect(await handled.atLeast(1)).toEqual([1]);
  });

  test('names the broker that is away, and can be called again', async () => {
    const { KafkaClient, initializeKafka, options } = openClients();
    const handled = createRecorder<unknown>();
    await KafkaClient.consumeFromTopic('orders_topic', 'orders-group', (data) => handled.add(data));
    const env = { KAFKA_ENABLED: 'true', KAFKA_BROKERS: '127.0.0.1:1', START_TIMEOUT_MS: '100' };
    await expect(initializeKafka({ ...options, env })).rejects.toMatchObject({
      code: 'BC_BROKER_UNAVAILABLE',
      message: expect.stringContaining('127.0.0.1:1'),
    });
    await initializeKafka(options);
    await KafkaClient.publishToTopic('orders_topic', 1);
    expect(await handled.atLeast(1)).toEqual([1]);
  });

  test('with Kafka off says so, and messages go to RabbitMQ', async () => {
    const { KafkaClient, initializeKafka, options, lines } = openClients({ RABBITMQ_ENABLED: 'true' });
    await initializeKafka(options);
    expect(lines.join('')).toContain('⚠️ Kafka is off (KAFKA_ENABLED=true with KAFKA_BROKERS turns it on)');
    const { brokers } = await KafkaClient.publishToTopic('orders_topic', 1);
    expect(brokers).toEqual({ rabbitmq: 'stored' });
  });

  test('without any broker connects nothing; a publish names the settings', async () => {
    const { KafkaClient, initializeKafka, options, lines } = openClients({
      EMBEDDED: '',
      KAFKA_ENABLED: 'false',
    });
    await KafkaClient.consumeFromTopic('orders_topic', 'orders-group', () => undefined);
    await initializeKafka(options);
    await KafkaClient.consumeFromTopic('orders_topic', 'late-group', () => undefined);
    expect(lines.join('')).toContain(
      '⚠️ Nothing connects, no message is taken, and every publish fails. KAFKA_ENABLED',
    );
    await expect(KafkaClient.publishToTopic('orders_topic', 1)).rejects.toMatchObject({
      code: 'BC_CONFIG_INVALID',
      message: expect.stringMatching(/"orders_topic" has no broker to go to\. KAFKA_ENABLED.*KAFKA_BROKERS/),
    });
  });

  test('with a bad setting is refused', async () => {
    const { initializeKafka, options } = openClients();
    const env = { KAFKA_ENABLED: 'yes', KAFKA_BROKERS: 'localhost:9092' };
    await expect(initializeKafka({ ...options, env })).rejects.toMatchObject({ code: 'BC_CONFIG_INVALID' });
  });
});

describe('close', () => {
  test('is final for both clients', async () => {
    const { KafkaClient, RabbitMQClient, initializeKafka, initializeRabbitMQ, options } = openClients();
    await initializeKafka(options);
    await KafkaClient.publishToTopic('orders_topic', 1);
    expect(await RabbitMQClient.close()).toEqual({ publishes: 0, deliveries: 0 });
    expect(await KafkaClient.close()).toEqual({ publishes: 0, deliveries: 0 });
    const calls = [
      KafkaClient.publishToTopic('orders_topic', 1),
      RabbitMQClient.publishToQueue('orders', 1),
      KafkaClient.consumeFromTopic('orders_topic', 'orders-group', () => undefined),
      initializeKafka(),
      initializeRabbitMQ(),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'BC_LIFECYCLE' });
  });

  test('before initialize does nothing, and nothing starts any more', async () => {
    const { KafkaClient, initializeKafka, options } = openClients();
    expect(await KafkaClient.close()).toEqual({ publishes: 0, deliveries: 0 });
    await expect(initializeKafka(options)).rejects.toMatchObject({ code: 'BC_LIFECYCLE' });
    await expect(KafkaClient.publishToTopic('orders_topic', 1)).rejects.toThrow('came after close()');
  });

  test('while initialize is under way ends it', async () => {
    const { KafkaClient, initializeKafka, options } = openClients();
    const initializing = initializeKafka(options);
    const [initialized] = await Promise.allSettled([initializing, KafkaClient.close()]);
    expect(initialized).toMatchObject({ status: 'rejected', reason: { code: 'BC_LIFECYCLE' } });
  });

  test.each([
    ['a topic that is there', 'orders_topic'],
    ['a new topic', 'mails_topic'],
  ])('waits for a handler, whose publishes to %s are taken', async (_, target) => {
    const { KafkaClient, initializeKafka, options } = openClients();
    const started = createRecorder<unknown>();
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let sent: unknown = null;
    await KafkaClient.consumeFromTopic('orders_topic', 'orders-group', async (data) => {
      if (data !== 'first') return;
      started.add(data);
      await finished;
      sent = (await KafkaClient.publishToTopic(target, 'second')).brokers;
    });
    await initializeKafka(options);
    await KafkaClient.publishToTopic('orders_topic', 'first');
    await started.atLeast(1);
    const closed = KafkaClient.close();
    finish();
    expect(await closed).toEqual({ publishes: 0, deliveries: 0 });
    expect(sent).toEqual({ kafka: 'stored', rabbitmq: 'stored' });
  });
});
