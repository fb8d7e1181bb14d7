import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from '@jest/globals';
import { connect } from 'amqplib';
import { Kafka, logLevel } from 'kafkajs';
import * as z from 'zod';
import {
  type BrokerName,
  createBus,
  createLogger,
  defineConsumer,
  defineTopic,
  loadConfig,
  type MessageBus,
  memoryInbox,
} from '../../src/index.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

const SECRET = 'canary-in-a-body';

/** Bodies of foreign producers; `isValid`: they are what the schema asks for, however odd they look. */
const BODIES: readonly { readonly what: string; readonly body: Buffer; readonly isValid: boolean }[] = [
  { what: 'zero bytes', body: Buffer.alloc(0), isValid: false },
  { what: 'null', body: Buffer.from('null'), isValid: false },
  { what: 'an array', body: Buffer.from('[]'), isValid: false },
  { what: 'an infinite number', body: Buffer.from('{"user":"a","units":1e999}'), isValid: false },
  { what: 'truncated JSON', body: Buffer.from(`{"user":"${SECRET}`), isValid: false },
  { what: 'a byte order mark', body: Buffer.from('\ufeff{"user":"a","units":1}'), isValid: false },
  {
    what: 'invalid UTF-8',
    body: Buffer.concat([Buffer.from('{"user":"'), Buffer.from([0xff, 0xc0]), Buffer.from('","units":1}')]),
    isValid: false,
  },
  { what: 'half a surrogate pair', body: Buffer.from('{"user":"\\ud800","units":1}'), isValid: true },
  { what: 'an escaped NUL', body: Buffer.from('{"user":"\\u0000","units":1}'), isValid: true },
  { what: 'a raw NUL', body: Buffer.from('{"user":"\u0000","units":1}'), isValid: false },
  {
    what: 'an array 200,000 deep',
    body: Buffer.from('['.repeat(200_000) + ']'.repeat(200_000)),
    isValid: false,
  },
  { what: '__proto__', body: Buffer.from('{"__proto__":{"units":1},"user":"a"}'), isValid: false },
  {
    what: 'constructor.prototype',
    body: Buffer.from('{"constructor":{"prototype":{"polluted":true}},"user":"a","units":1}'),
    isValid: true,
  },
  { what: 'a then property', body: Buffer.from('{"then":"x","user":"a","units":1}'), isValid: true },
  { what: 'a wrong type', body: Buffer.from('{"user":1,"units":"many"}'), isValid: false },
  { what: 'CR, LF and escapes', body: Buffer.from('{"user":"\\r\\n\\u001b[31m","units":1}'), isValid: true },
];

/** Sends a body with hostile headers, as somebody would who never heard of the bus. */
type SendForeign = (body: Buffer) => Promise<unknown>;

interface Scene {
  readonly bus: MessageBus;
  readonly topicName: string;
  readonly lines: readonly string[];
  readonly handled: readonly string[];
  readonly letters: readonly string[];
  /** Resolves when so many messages ended, one way or the other. */
  readonly ended: (count: number) => Promise<void>;
}

async function openScene(environment: Record<string, string>): Promise<Scene> {
  const name = `bad_${randomUUID().slice(0, 8)}`;
  const handled: string[] = [];
  const letters: string[] = [];
  const lines: string[] = [];
  let check = (): void => undefined;
  const topic = defineTopic({
    name,
    schema: z.object({ user: z.string(), units: z.number().int() }),
    kafka: { partitions: 2, replicationFactor: 1 },
  });
  const consumer = defineConsumer({
    name: 'bad-input',
    topic,
    group: `${name}_group`,
    handle: async (message) => {
      handled.push(message.data.user);
      check();
    },
  });
  const bus = await createBus({
    config: await loadConfig(environment, { file: false }),
    topics: [topic],
    consumers: [consumer],
    inbox: memoryInbox(),
    logger: createLogger({ level: 'debug', pretty: false, stream: { write: (line) => lines.push(line) } }),
  });
  cleanups.push(() => bus.close());
  bus.on('dead-lettered', ({ reason }) => {
    letters.push(reason);
    check();
  });
  await bus.start();
  const ended = (count: number): Promise<void> =>
    new Promise((resolve) => {
      check = () => {
        if (handled.length + letters.length >= count) resolve();
      };
      check();
    });
  return { bus, topicName: name, lines, handled, letters, ended };
}

async function survives(scene: Scene, sendForeign: SendForeign, broker: BrokerName): Promise<void> {
  for (const { body } of BODIES) await sendForeign(body);
  const receipt = await scene.bus.publish(scene.topicName, { user: 'next good one', units: 1 });
  expect(receipt.brokers).toEqual({ [broker]: 'stored' });
  await scene.ended(BODIES.length + 1);
  expect(scene.handled).toContain('next good one');
  expect(scene.handled).toHaveLength(BODIES.filter(({ isValid }) => isValid).length + 1);
  expect(scene.letters).toEqual(BODIES.filter(({ isValid }) => !isValid).map(() => 'invalid'));
  expect(scene.lines.join('')).not.toContain(SECRET);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  expect(scene.bus.health().ok).toBe(true);
}

describeWithServers(
  'bad input on the wire',
  { shared: ['kafka', 'rabbitmq-4.0', 'rabbitmq-3.10'] },
  (servers) => {
    test('of Kafka ends in the dead letters or in the handler, and the next good message is handled', async () => {
      const brokers = [...servers.kafka.brokers];
      const scene = await openScene({ KAFKA_ENABLED: 'true', KAFKA_BROKERS: brokers.join(',') });
      const producer = new Kafka({ brokers, clientId: 'foreign', logLevel: logLevel.NOTHING }).producer();
      await producer.connect();
      cleanups.push(() => producer.disconnect());
      await survives(
        scene,
        (value) =>
          producer.send({
            topic: scene.topicName,
            messages: [
              {
                value,
                headers: {
                  ['__proto__']: 'x',
                  '': 'empty',
                  'bc-attempt': '1e9',
                  'bc-replay-count': '-1',
                  'bc-header-types': '{"x":',
                  repeated: ['a', 'b'],
                  ['n'.repeat(256)]: Buffer.alloc(70_000, 1),
                  crlf: '\r\n\u001b[31m',
                },
              },
            ],
          }),
        'kafka',
      );
    }, 60_000);

    for (const server of ['rabbitmq-3.10', 'rabbitmq-4.0'] as const) {
      test(`of ${server} ends in the dead letters or in the handler, and the next good message is handled`, async () => {
        const scene = await openScene({ RABBITMQ_ENABLED: 'true', RABBITMQ_URL: servers[server].url });
        const connection = await connect(servers[server].url);
        cleanups.push(() => connection.close());
        const channel = await connection.createConfirmChannel();
        let sent = 0;
        await survives(
          scene,
          (content) => {
            sent += 1;
            channel.publish(scene.topicName, scene.topicName, content, {
              persistent: true,
              // An id for some, the same one never twice; AMQP's own `userId` and `expiration` of foreign publishers.
              ...(sent % 2 === 0 ? { messageId: `foreign-${sent}` } : {}),
              userId: 'guest',
              headers: {
                ['__proto__']: 'x',
                '': 'empty',
                'bc-attempt': '1e9',
                'bc-replay-count': -1,
                nested: { deep: { er: [1, 'two', null, { three: 3 }] } },
                long: 9_007_199_254_740_993n.toString(),
                nothing: null,
                big: 'h'.repeat(40_000),
                crlf: '\r\n\u001b[31m',
              },
            });
            return channel.waitForConfirms();
          },
          'rabbitmq',
        );
      }, 60_000);
    }
  },
);
