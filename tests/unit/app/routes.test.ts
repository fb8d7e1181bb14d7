import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { addRoutes } from '../../../src/app/http/add-routes.js';
import { createHttp } from '../../../src/app/http/create-http.js';
import { createModules, type Modules } from '../../../src/app/modules.js';
import { createBus, createLogger, loadConfig, type MessageBus, memoryInbox } from '../../../src/index.js';
import { type Answer, askAt } from '../../support/app/ask.js';

let bus: MessageBus;
let http: ReturnType<typeof createHttp>;
let address: string;
let modules: Modules;

beforeEach(async () => {
  const logger = createLogger({ level: 'silent' });
  const inbox = memoryInbox();
  modules = createModules({
    connection: null,
    inbox,
    hasTransactions: false,
    problem: () => null,
    close: async () => undefined,
  });
  const all = Object.values(modules);
  bus = await createBus({
    config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
    topics: all.flatMap(({ topics }) => topics),
    consumers: all.flatMap(({ consumers }) => consumers),
    inbox,
    logger,
  });
  http = createHttp(logger);
  addRoutes(http, { bus, modules, readiness: () => ({ isReady: true, state: 'started', parts: [] }) });
  await bus.start();
  address = await http.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await http.close();
  await bus.close();
});

const get = async (path: string) => (await askAt(address).get(path)).body;
const post = (path: string, payload: object, headers: Record<string, string> = {}): Promise<Answer> =>
  askAt(address).post(path, payload, headers);
const until = async (url: string, wanted: object): Promise<void> => {
  for (;;) {
    const seen = await get(url);
    try {
      expect(seen).toMatchObject(wanted);
      return;
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
};

const single = (units: number) => ({
  kind: 'single',
  request: 'r1',
  user: 'ann',
  model: 'small',
  units,
  price: 3,
});

test('credits are given, reserved and paid', async () => {
  const topUp = { id: 'payment-1', user: 'ann', amount: 100 };
  for (let n = 0; n < 2; n += 1) expect((await post('/credits/top-up', topUp)).status).toBe(200);
  expect((await post('/credits/start', single(20), { 'idempotency-key': 'start-1' })).status).toBe(202);
  await until('/credits/ann', { available: 40, reserved: 60, spent: 0, owed: 0 });
  expect((await post('/credits/end', single(10))).status).toBe(202);
  await until('/credits/ann', { available: 70, reserved: 0, spent: 30, owed: 0 });
  expect(await get('/credits/ann/requests/r1')).toEqual({ user: 'ann', request: 'r1', state: 'settled' });
  expect(await get('/credits/eve/requests/r1')).toMatchObject({ state: 'unknown' });
});

test('what cannot be booked is refused by the name of its field', async () => {
  const broken = { ...single(1), units: 1.5 };
  expect(await post('/credits/start', broken)).toMatchObject({
    status: 400,
    body: { problems: [{ field: 'units', was: '1.5' }] },
  });
  const huge = { id: 'p', user: 'ann', amount: 1_000_000_000_000 };
  for (let n = 0; n < 4_000; n += 1) await modules.credits.service.topUp({ ...huge, id: `p${n}` });
  expect(await post('/credits/top-up', huge)).toMatchObject({
    status: 400,
    body: { problems: [{ field: 'amount' }] },
  });
});

test('registrations are counted by day', async () => {
  const registration = { user: 'ann', email: 'ann@example.com', time: '2026-11-25T10:00:00Z' };
  expect((await post('/registrations', registration)).status).toBe(202);
  await until('/registrations/2026-11-25', { day: '2026-11-25', users: 1 });
  expect(await post('/registrations', { ...registration, time: 'today' })).toMatchObject({ status: 400 });
  expect((await askAt(address).get('/registrations/yesterday')).status).toBe(400);
});
