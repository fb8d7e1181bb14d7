import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { connect as connectAmqp } from 'amqplib';
import { Kafka, logLevel } from 'kafkajs';
import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { type KafkaCluster, startKafka } from '../support/servers/kafka.js';
import { mongodbClient, startMongodb } from '../support/servers/mongodb.js';
import { descendantsOf, isRunning, type RunningProcess } from '../support/servers/process-tree.js';
import { type RabbitServer, startRabbit } from '../support/servers/rabbitmq.js';
import { askManagement } from '../support/servers/rabbitmq-management.js';
import type { RabbitVersion } from '../support/servers/rabbitmq-scripts.js';

jest.setTimeout(120_000);

/** A temporary folder that holds every folder of the servers that this file starts. */
let folders: string;
const machineFolder = process.env.TMPDIR;
beforeAll(() => {
  folders = mkdtempSync(join(tmpdir(), 'servers-test-'));
  process.env.TMPDIR = folders;
});
afterAll(() => {
  if (machineFolder === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = machineFolder;
  rmSync(folders, { recursive: true });
});

describeWithServers(
  'the servers of the run',
  { shared: ['kafka', 'rabbitmq-3.10', 'rabbitmq-4.0'] },
  (servers) => {
    test('Kafka answers', async () => {
      const admin = new Kafka({ brokers: [...servers.kafka.brokers], logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      expect((await admin.describeCluster()).brokers.length).toBeGreaterThan(0);
      await admin.disconnect();
    });

    test.each(['3.10', '4.0'] as const)('RabbitMQ %s answers and is that version', async (version) => {
      const connection = await connectAmqp(servers[`rabbitmq-${version}`].url);
      expect(connection.connection.serverProperties.version).toMatch(`${version}.`);
      await connection.close();
    });
  },
);

describeWithServers('a Kafka of its own', { own: ['kafka'] }, () => {
  let kafka: KafkaCluster;
  afterEach(() => kafka.dispose());

  test('keeps its records over a kill, and leaves no process, port or folder', async () => {
    kafka = await startKafka();
    const { pid = 0, port } = kafka.node(1);
    const topic = 'kept_topic';
    await createTopic(kafka, { topic, replicationFactor: 1 });
    await send(kafka, topic, 'before the kill');
    await kafka.node(1).kill();
    expect(isUp(pid)).toBe(false);
    await kafka.node(1).start();
    expect(await endOffset(kafka, topic)).toBe('1');
    await expectNothingLeft(descendantsOf(kafka.node(1).pid ?? 0), port, () => kafka.dispose());
  });

  test('of three brokers goes on when one is killed, and takes it back', async () => {
    kafka = await startKafka({ brokers: 3 });
    const topic = 'spread_topic';
    await createTopic(kafka, { topic, replicationFactor: 3 });
    await send(kafka, topic, 'with three');
    await kafka.node(2).kill();
    await send(kafka, topic, 'with two');
    await kafka.node(2).start();
    await send(kafka, topic, 'with three again');
    expect(await endOffset(kafka, topic)).toBe('3');
  });

  test('answers nothing while it is frozen, and everything after', async () => {
    kafka = await startKafka();
    await kafka.node(1).pause();
    const admin = new Kafka({ ...kafka.client, ...QUIET, requestTimeout: 300 }).admin();
    await expect(admin.connect().then(() => admin.listTopics())).rejects.toThrow(/timed out|timeout/i);
    await admin.disconnect();
    await kafka.node(1).resume();
    await createTopic(kafka, { topic: 'thawed_topic', replicationFactor: 1 });
  });
});

describe.each(['3.10', '4.0'] as const)('RabbitMQ %s', (version: RabbitVersion) => {
  describeWithServers('of its own', { own: [`rabbitmq-${version}`] }, () => {
    let rabbit: RabbitServer;
    beforeAll(async () => {
      rabbit = await startRabbit({ version });
    });
    afterAll(() => rabbit.dispose());

    test('runs rabbitmqctl: a virtual host is there', async () => {
      await rabbit.rabbitmqctl('add_vhost', 'orders');
      expect(await rabbit.rabbitmqctl('list_vhosts')).toMatch(/^orders$/m);
      expect(await askManagement(rabbit.managementUrl, '/api/vhosts/orders')).toMatchObject({
        name: 'orders',
      });
    });

    test('blocks publishers while its memory alarm is raised', async () => {
      const connection = await connectAmqp(rabbit.url);
      const blocked = once(connection, 'blocked');
      const unblocked = once(connection, 'unblocked');
      await rabbit.memoryAlarm(true);
      const channel = await connection.createChannel();
      channel.publish('', 'nobody', Buffer.from('x'));
      await blocked;
      await rabbit.memoryAlarm(false);
      await unblocked;
      await connection.close();
    });

    test('keeps durable messages over a kill, and leaves no process, port or folder', async () => {
      await confirmed(rabbit, 'kept');
      await rabbit.saveDeclarations();
      const { pid = 0 } = rabbit;
      await rabbit.kill();
      expect(isUp(pid)).toBe(false);
      await rabbit.start();
      expect(await takeOne(rabbit, 'kept')).toBe('before the kill');
      const port = Number(new URL(rabbit.url).port);
      await expectNothingLeft(descendantsOf(rabbit.pid ?? 0), port, () => rabbit.dispose());
    });
  });
});

describeWithServers('a MongoDB of its own', { own: ['mongodb'] }, () => {
  test('keeps documents over a kill, runs transactions, and leaves no process, port or folder', async () => {
    const mongodb = await startMongodb();
    const client = mongodbClient(mongodb.url);
    const insert = () =>
      client.withSession((session) =>
        session.withTransaction(() => client.db('kept').collection('kept').insertOne({}, { session })),
      );
    await insert();
    await mongodb.kill();
    await mongodb.start();
    await insert();
    expect(await client.db('kept').collection('kept').countDocuments()).toBe(2);
    await client.close();
    const port = Number(new URL(mongodb.url).port);
    await expectNothingLeft(descendantsOf(mongodb.pid ?? 0), port, () => mongodb.dispose());
  });
});

describe('a server whose test process is killed', () => {
  test('ends with its children, and its folder is removed', async () => {
    const folder = join(folders, 'orphan');
    mkdirSync(folder);
    const module = join(__dirname, '../support/servers/server-process.ts');
    const script = `import { localServer } from ${JSON.stringify(module)};
      const server = localServer({ folder: ${JSON.stringify(folder)}, start: ['sh', '-c', 'sleep 600 & sleep 600'], tool: [] });
      await server.start();
      console.log(server.pid);
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(owner.stdout, 'data');
    const family = descendantsOf(Number(String(line)));
    expect(family.length).toBeGreaterThan(0);
    owner.kill('SIGKILL');
    // Nobody is left who could tell that it is over.
    while (family.some(isRunning) || existsSync(folder)) await delay(20);
  });
});

const QUIET = { logLevel: logLevel.NOTHING, retry: { retries: 0 } };

async function createTopic(
  kafka: KafkaCluster,
  topic: { topic: string; replicationFactor: number },
): Promise<void> {
  const admin = new Kafka({ ...kafka.client, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ ...topic, numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
}

async function send(kafka: KafkaCluster, topic: string, value: string): Promise<void> {
  const producer = new Kafka({
    ...kafka.client,
    logLevel: logLevel.NOTHING,
    retry: { retries: 20 },
  }).producer();
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: [{ value, partition: 0 }] });
  await producer.disconnect();
}

async function endOffset(kafka: KafkaCluster, topic: string): Promise<string | undefined> {
  const admin = new Kafka({ ...kafka.client, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const [partition] = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return partition?.high;
}

async function confirmed(rabbit: RabbitServer, queue: string): Promise<void> {
  const connection = await connectAmqp(rabbit.url);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  channel.sendToQueue(queue, Buffer.from('before the kill'), { persistent: true });
  await channel.waitForConfirms();
  await connection.close();
}

async function takeOne(rabbit: RabbitServer, queue: string): Promise<string> {
  const connection = await connectAmqp(rabbit.url);
  const channel = await connection.createChannel();
  const body = await new Promise<string>((resolve, reject) => {
    channel.consume(queue, (message) => resolve(String(message?.content))).catch(reject);
  });
  await connection.close();
  return body;
}

function isUp(pid: number): boolean {
  return descendantsOf(pid).some(isRunning);
}

/** Disposes of a server and looks for what it could leave: its processes, its ten ports, its folder. */
async function expectNothingLeft(
  family: readonly RunningProcess[],
  port: number,
  dispose: () => Promise<void>,
): Promise<void> {
  expect(family.length).toBeGreaterThan(0);
  await dispose();
  expect(family.filter(isRunning)).toEqual([]);
  const first = Math.floor(port / 10) * 10;
  const open = await Promise.all(Array.from({ length: 10 }, (_, index) => isOpen(first + index)));
  expect(open).not.toContain(true);
  expect(readdirSync(folders)).toEqual([]);
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
