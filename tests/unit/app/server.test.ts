import { afterEach, beforeEach, expect, test } from '@jest/globals';
import * as z from 'zod';
import { createHttp } from '../../../src/app/http/create-http.js';
import { addIntake } from '../../../src/app/http/intake.js';
import { Server } from '../../../src/app/server.js';
import { createBus, createLogger, defineTopic, loadConfig, type MessageBus } from '../../../src/index.js';
import {
  createLogBroker,
  createLogStore,
  createRecorder,
  type LogStore,
} from '../../../src/testing/index.js';
import { askAt } from '../../support/app/ask.js';

const schema = z.object({ user: z.string() });
const topic = defineTopic({ name: 'server_topic', schema, unroutable: 'accept' });

/** What happened, in order. */
let told: ReturnType<typeof createRecorder<string>>;
let bus: MessageBus;
let log: LogStore;
let server: Server;
let address: string;
let prepare: () => Promise<void>;

beforeEach(async () => {
  told = createRecorder<string>('steps');
  prepare = async () => told.add('prepared');
  bus = await createBus({
    config: await loadConfig({ EMBEDDED: 'true', KAFKA_ENABLED: 'true' }, { file: false }),
    topics: [topic],
    logger: createLogger({ level: 'silent' }),
    brokers: {
      kafka: (parts) => {
        log = createLogStore(parts);
        return createLogBroker({ ...parts, store: log });
      },
    },
  });
  const http = createHttp(createLogger({ level: 'silent' }));
  addIntake(http, { path: '/things', schema, send: (data, options) => bus.publish(topic, data, options) });
  server = new Server({
    settings: { http: { host: '127.0.0.1', port: 0 }, mongodbUrl: null, shutdownTimeoutMs: 200, file: null },
    bus,
    http,
    modules: [{ topics: [], consumers: [], publisher: () => null, prepare: () => prepare() }],
    jobs: [{ start: () => told.add('job started'), stop: async () => told.add('job stopped') }],
    onListen: (at) => {
      address = at;
      told.add(`listens while the bus is ${bus.health().state}`);
    },
    closeStores: async () => told.add(`stores closed while the bus is ${bus.health().state}`),
  });
});
afterEach(() => server.close());

test('listens, prepares the stores, starts the bus, then the jobs; and closes the other way round', async () => {
  await server.start();
  told.add(`started while the bus is ${bus.health().state}`);
  expect(await server.close()).toEqual({ publishes: 0, deliveries: 0 });
  expect(told.items).toEqual([
    'listens while the bus is new',
    'prepared',
    'job started',
    'started while the bus is started',
    'job stopped',
    'stores closed while the bus is closed',
  ]);
});

test('gives every request its answer: one whose broker never answers is told to come again with its id', async () => {
  await server.start();
  const hold = log.faults.holdReplies();
  const asked = askAt(address).post('/things', { user: 'ann' }, { 'idempotency-key': 'held' });
  while (hold.hits === 0) await new Promise(setImmediate);
  const [answer, report] = await Promise.all([asked, server.close()]);
  expect({ status: answer.status, id: answer.body.id }).toEqual({ status: 503, id: 'held' });
  expect(report).toEqual({ publishes: 1, deliveries: 0 });
});

test('lets a request finish that was taken before', async () => {
  await server.start();
  const hold = log.faults.holdReplies();
  const asked = askAt(address).post('/things', { user: 'ann' });
  while (hold.hits === 0) await new Promise(setImmediate);
  const closing = server.close();
  expect(server.isClosing).toBe(true);
  hold.release();
  expect((await asked).status).toBe(202);
  expect(await closing).toEqual({ publishes: 0, deliveries: 0 });
  await expect(askAt(address).get('/things')).rejects.toThrow('fetch failed');
});

test('closes in the middle of a start, whose jobs never begin', async () => {
  let goOn = (): void => undefined;
  prepare = () => {
    told.add('preparing');
    return new Promise((resolve) => {
      goOn = resolve;
    });
  };
  const starting = server.start();
  await told.first((step) => step === 'preparing');
  const closing = server.close();
  expect(server.close()).toBe(closing);
  await closing;
  goOn();
  await expect(starting).rejects.toMatchObject({ code: 'BC_LIFECYCLE' });
  expect(told.items).not.toContain('job started');
});
