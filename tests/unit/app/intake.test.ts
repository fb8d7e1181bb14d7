import { request } from 'node:http';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import * as z from 'zod';
import { createHttp } from '../../../src/app/http/create-http.js';
import { addIntake } from '../../../src/app/http/intake.js';
import { createBus, createLogger, defineTopic, loadConfig, type MessageBus } from '../../../src/index.js';
import {
  createLogBroker,
  createLogStore,
  createRecorder,
  type LogStore,
} from '../../../src/testing/index.js';
import { type Answer, askAt } from '../../support/app/ask.js';

const schema = z.strictObject({ user: z.string().min(1), units: z.int().default(1) });
const topic = defineTopic({ name: 'intake_topic', schema, unroutable: 'accept', key: ({ user }) => user });

let bus: MessageBus;
let log: LogStore;
let http: ReturnType<typeof createHttp>;
let address: string;
let lines: ReturnType<typeof createRecorder<string>>;

beforeEach(async () => {
  lines = createRecorder<string>('log lines');
  bus = await createBus({
    config: await loadConfig({ EMBEDDED: 'true', PUBLISH_TIMEOUT_MS: '2000' }, { file: false }),
    topics: [topic],
    logger: createLogger({ level: 'silent' }),
    brokers: {
      kafka: (parts) => {
        log = createLogStore(parts);
        return createLogBroker({ ...parts, store: log });
      },
    },
  });
  http = createHttp(createLogger({ level: 'warn', pretty: false, stream: { write: lines.add } }));
  addIntake(http, { path: '/things', schema, send: (data, options) => bus.publish(topic, data, options) });
  http.post('/fault', () => {
    throw new Error('a fault at mongodb://ann:hunter22@host');
  });
  await bus.start();
  address = await http.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await http.close();
  await bus.close();
});

const post = (payload: unknown, headers: Record<string, string> = {}, path = '/things'): Promise<Answer> =>
  askAt(address).post(path, payload, headers);

test('takes a message and says what each broker did with it', async () => {
  const answer = await post({ user: 'ann' }, { 'idempotency-key': 'thing-1' });
  expect(answer.status).toBe(202);
  expect(answer.body).toEqual({ id: 'thing-1', brokers: { kafka: 'stored', rabbitmq: 'stored' } });
  const [stored] = log.read('intake_topic');
  expect({ id: stored?.id, key: stored?.key, body: stored?.body?.toString() }).toEqual({
    id: 'thing-1',
    key: 'ann',
    body: '{"user":"ann"}', // what the caller sent, not what the schema makes of it
  });
});

test('gives an id to a message that came without one', async () => {
  expect((await post({ user: 'ann' })).body).toMatchObject({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
});

test.each([
  ['', 'Idempotency-Key'],
  ['two words', 'Idempotency-Key'],
  ['x'.repeat(256), 'Idempotency-Key'],
])('refuses an Idempotency-Key that cannot be a message id', async (key, field) => {
  const answer = await post({ user: 'ann' }, { 'idempotency-key': key });
  expect(answer.status).toBe(400);
  expect(answer.body).toMatchObject({
    problems: [{ field, allowed: '1 to 255 visible ASCII characters' }],
  });
  expect(log.read('intake_topic')).toEqual([]);
});

test.each([
  ['a bad value', { user: '' }, [{ field: 'user', was: '""', allowed: 'string to have >=1 characters' }]],
  ['an unknown field', { user: 'a', x: 1 }, [{ field: 'x', was: '1', allowed: 'no field of this name' }]],
  ['a list', [], [{ field: 'body', was: '[]', allowed: 'object' }]],
  ['null', null, [{ field: 'body', was: 'null', allowed: 'object' }]],
])('refuses %s with a problem that names it, and sends nothing', async (_, payload, problems) => {
  const answer = await post(payload);
  expect(answer.status).toBe(400);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({ status: 400, problems });
  expect(log.read('intake_topic')).toEqual([]);
});

test.each([
  ['no JSON', '{"user":', 400],
  ['nothing', '', 400],
  ['a prototype', '{"__proto__":{"user":"ann"}}', 400],
  ['a key that no broker takes', '{"user":"\\ud800"}', 400],
  ['too much', `{"user":"${'x'.repeat(300_000)}"}`, 413],
])('refuses %s', async (_, payload, status) => {
  const answer = await post(payload);
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
});

test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml'])(
  'takes no %s',
  async (type) => {
    const answer = await post('{"user":"ann"}', { 'content-type': type });
    expect(answer.status).toBe(415);
    expect(answer.body).toMatchObject({ detail: 'The content type must be application/json.' });
  },
);

test.each([
  ['GET', '/things'],
  ['POST', '/nowhere'],
  ['GET', '/'],
])('%s %s is not there', async (method, url) => {
  const answer = await (method === 'GET' ? askAt(address).get(url) : post({}, {}, url));
  expect(answer.status).toBe(404);
  expect(answer.body).toMatchObject({ status: 404, title: 'Not found' });
});

test('a path that is no URL is a problem too', async () => {
  const answer = await askAt(address).get('/things/%E0%A4%A');
  expect(answer.status).toBe(400);
  expect(answer.body).toMatchObject({ status: 400, title: 'Bad request' });
});

test('what no HTTP parser understands is answered, and the server lives', async () => {
  const status = await new Promise((resolve, reject) => {
    const sent = request(`${address}/things`, { headers: { a: 'x'.repeat(20_000) } });
    sent
      .once('response', (answer) => resolve(answer.resume().statusCode))
      .once('error', reject)
      .end();
  });
  expect(status).toBe(431);
  expect((await post({ user: 'ann' })).status).toBe(202);
});

test('when one broker refuses it says which, when to come again and with which id; then the effect is one', async () => {
  log.faults.refuse({ count: 1 });
  const answer = await post({ user: 'ann' });
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
  const { id, brokers } = answer.body;
  expect(brokers).toEqual({ kafka: 'failed', rabbitmq: 'stored' });
  const again = await post({ user: 'ann' }, { 'idempotency-key': id });
  expect(again.status).toBe(202);
  expect(log.read('intake_topic').map((one) => one.id)).toEqual([id]);
});

test('while the bus is closed a request is told to come again', async () => {
  await bus.close();
  const answer = await post({ user: 'ann' });
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toBe('5');
  expect(answer.body).toMatchObject({ detail: 'The server is starting or closing.' });
});

test('a fault of the server is told to the log alone, without its secrets', async () => {
  const answer = await post({}, {}, '/fault');
  expect(answer.status).toBe(500);
  expect(answer.body).toEqual({
    status: 500,
    title: 'Server error',
    detail: 'The server failed; its log says why.',
  });
  const [line] = await lines.atLeast(1);
  expect(line).toContain('POST /fault failed');
  expect(line).not.toContain('hunter22');
});
