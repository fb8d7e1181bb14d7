import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { connect as connectAmqp } from 'amqplib';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { type FaultProxy, startProxy } from '../support/proxy.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { type KafkaCluster, startKafka } from '../support/servers/kafka.js';

jest.setTimeout(60_000);

describe('a proxy before a server that echoes', () => {
  let server: Server;
  let proxy: FaultProxy;
  const sockets: Socket[] = [];
  beforeEach(async () => {
    server = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    proxy = await startProxy({ target: (server.address() as AddressInfo).port });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await proxy.close();
    server.close();
  });

  async function client(): Promise<Socket> {
    const socket = connect({ port: proxy.port, host: '127.0.0.1' });
    sockets.push(socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  async function echo(socket: Socket, words: string): Promise<string> {
    const answer = once(socket, 'data');
    socket.write(words);
    return String((await answer)[0]);
  }

  test('passes bytes and counts them', async () => {
    const socket = await client();
    expect(await echo(socket, 'hello')).toBe('hello');
    expect(proxy.seen).toMatchObject({ connections: 1, resets: 0 });
    expect(proxy.seen.requests.get('bytes')).toBe(1);
    expect(proxy.seen.replies.get('bytes')).toBe(1);
  });

  test('passes the end of a stream after its last bytes', async () => {
    const socket = await client();
    const ended = once(socket, 'end');
    const answer = once(socket, 'data');
    proxy.latency(20);
    socket.end('last words');
    expect(String((await answer)[0])).toBe('last words');
    await ended;
  });

  test('holds each way for its latency', async () => {
    const socket = await client();
    proxy.latency(60);
    const before = performance.now();
    await echo(socket, 'slow');
    // Node's timers may fire up to a millisecond early.
    expect(performance.now() - before).toBeGreaterThanOrEqual(118);
  });

  test('carries nothing through a black hole, and delivers late what it held', async () => {
    const socket = await client();
    let answers = '';
    socket.on('data', (bytes) => {
      answers += bytes;
    });
    proxy.blackHole();
    socket.write('late');
    await proxy.until((seen) => seen.requests.get('bytes') === 1);
    expect(answers).toBe('');
    await proxy.heal();
    await proxy.until((seen) => seen.replies.get('bytes') === 1);
    if (answers === '') await once(socket, 'data');
    expect(answers).toBe('late');
  });

  test('loses the answers alone when only they fall into the hole', async () => {
    const socket = await client();
    proxy.blackHole('reply');
    socket.write('arrives');
    await proxy.until((seen) => seen.replies.get('bytes') === 1);
    const late = once(socket, 'data');
    await proxy.heal();
    expect(String((await late)[0])).toBe('arrives');
  });

  test('resets open connections and accepts new ones', async () => {
    const socket = await client();
    await echo(socket, 'open');
    const failed = once(socket, 'error');
    proxy.reset();
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
    expect(proxy.seen.resets).toBe(1);
    expect(await echo(await client(), 'again')).toBe('again');
  });

  test('refuses new connections, keeps open ones, and accepts again on the same port', async () => {
    const socket = await client();
    await proxy.refuse();
    const [error] = await once(connect({ port: proxy.port, host: '127.0.0.1' }), 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    expect(await echo(socket, 'open')).toBe('open');
    await proxy.heal();
    expect(await echo(await client(), 'back')).toBe('back');
  });

  test('swallows, delays and cuts the frames that it is told to, and no others', async () => {
    const socket = await client();
    const swallow = proxy.fault({
      on: 'reply',
      frame: (frame) => frame.bytes.includes('two'),
      do: 'swallow',
    });
    expect(await echo(socket, 'one')).toBe('one');
    socket.write('two');
    await swallow.happened;
    expect(await echo(socket, 'three')).toBe('three');
    const delayed = proxy.fault({ on: 'reply', do: 'delay', delayMs: 50 });
    const before = performance.now();
    expect(await echo(socket, 'four')).toBe('four');
    expect(performance.now() - before).toBeGreaterThanOrEqual(49);
    proxy.fault({ on: 'reply', after: 1, do: 'cut', keepBytes: 2 });
    expect(await echo(socket, 'five')).toBe('five');
    const failed = once(socket, 'close');
    expect(await echo(socket, 'six')).toBe('si');
    await failed;
    expect([swallow.hits, delayed.hits]).toEqual([1, 1]);
    expect(Object.fromEntries(proxy.seen.faults)).toEqual({ swallow: 1, delay: 1, cut: 1 });
  });
});

describeWithServers('a proxy before Kafka', { own: ['kafka'] }, () => {
  const topic = 'proxied_topic';
  let kafka: KafkaCluster;
  let proxy: FaultProxy;
  beforeAll(async () => {
    kafka = await startKafka({ behindProxy: true });
    proxy = kafka.node(1).proxy as FaultProxy;
    const admin = new Kafka({ ...kafka.client, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
    await admin.disconnect();
  });
  afterEach(() => proxy.heal());
  afterAll(() => kafka.dispose());

  async function withProducer<T>(use: (producer: Producer) => Promise<T>): Promise<T> {
    const once = { retry: { retries: 0 }, requestTimeout: 1_000, logLevel: logLevel.NOTHING };
    const producer = new Kafka({ ...kafka.client, ...once }).producer({ retry: { retries: 0 } });
    await producer.connect();
    try {
      return await use(producer);
    } finally {
      await producer.disconnect();
    }
  }

  const send = (value: string) =>
    withProducer((producer) => producer.send({ topic, messages: [{ value, partition: 0 }] }));

  async function stored(): Promise<number> {
    const admin = new Kafka({ ...kafka.client, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const [partition] = await admin.fetchTopicOffsets(topic);
    await admin.disconnect();
    return Number(partition?.high);
  }

  test('is the address that clients are told, and names requests and replies', async () => {
    await send('passes');
    expect(kafka.brokers).toEqual([`127.0.0.1:${proxy.port}`]);
    expect(proxy.seen.requests.get('produce')).toBe(1);
    expect(proxy.seen.replies.get('produce')).toBe(1);
    expect(proxy.seen.replies.get('metadata')).toBeGreaterThan(0);
  });

  test.each([
    ['swallowed', { do: 'swallow' }],
    ['reset', { do: 'reset' }],
    ['cut', { do: 'cut', keepBytes: 6 }],
  ] as const)('has stored the record whose reply is %s', async (_how, action) => {
    const before = await stored();
    const fault = proxy.fault({ on: 'reply', frame: 'produce', ...action });
    await expect(send('stored, not answered')).rejects.toThrow();
    await fault.happened;
    expect(await stored()).toBe(before + 1);
  });

  test('has stored nothing of a request that is reset', async () => {
    const before = await stored();
    proxy.fault({ on: 'request', frame: 'produce', do: 'reset' });
    await expect(send('never arrives')).rejects.toThrow();
    expect(await stored()).toBe(before);
  });

  test('hits one kind of request alone', async () => {
    const fault = proxy.fault({ on: 'reply', frame: 'metadata', do: 'delay', delayMs: 100 });
    await send('after late metadata');
    expect(fault.hits).toBe(1);
  });
});

describeWithServers('a proxy before RabbitMQ', { shared: ['rabbitmq-4.0'] }, (servers) => {
  let proxy: FaultProxy;
  beforeEach(async () => {
    const target = Number(new URL(servers['rabbitmq-4.0'].url).port);
    proxy = await startProxy({ target, protocol: 'amqp' });
  });
  afterEach(() => proxy.close());

  async function channel() {
    const url = new URL(servers['rabbitmq-4.0'].url);
    url.port = String(proxy.port);
    const connection = await connectAmqp(url.href);
    const confirming = await connection.createConfirmChannel();
    const { queue } = await confirming.assertQueue('', { exclusive: true });
    return { connection, confirming, queue };
  }

  test('swallows a confirmation: the message is in the queue and the publisher does not know', async () => {
    const { connection, confirming, queue } = await channel();
    const fault = proxy.fault({ on: 'reply', frame: 'basic.ack', do: 'swallow' });
    let confirmed = false;
    confirming.sendToQueue(queue, Buffer.from('stored'), {}, () => {
      confirmed = true;
    });
    await fault.happened;
    expect((await confirming.checkQueue(queue)).messageCount).toBe(1);
    expect(confirmed).toBe(false);
    await connection.close();
  });

  test('resets the connection when the third publish passes', async () => {
    const { connection, confirming, queue } = await channel();
    connection.on('error', () => {});
    confirming.on('error', () => {});
    const closed = new Promise((resolve) => connection.once('close', resolve));
    const fault = proxy.fault({ on: 'request', frame: 'basic.publish', after: 2, do: 'reset' });
    const outcomes = ['one', 'two'].map(
      (body) =>
        new Promise<boolean>((resolve) => {
          confirming.sendToQueue(queue, Buffer.from(body), {}, (error) => resolve(!error));
        }),
    );
    expect(await Promise.all(outcomes)).toEqual([true, true]);
    confirming.sendToQueue(queue, Buffer.from('three'), {}, () => {});
    await closed;
    expect(fault.hits).toBe(1);
    expect(proxy.seen.requests.get('basic.publish')).toBe(3);
  });
});
