import { expect, test } from '@jest/globals';
import {
  createBus,
  createLogger,
  defineTopic,
  type Logger,
  loadConfig,
  memoryInbox,
} from '../../../../src/index.js';
import { memoryCreditsStore } from '../../../../src/modules/credits-process/credits-process.memory.js';
import { creditsProcessModule } from '../../../../src/modules/credits-process/credits-process.module.js';
import type { CreditsMessage } from '../../../../src/modules/credits-process/credits-process.schema.js';
import { ReservationSweeper } from '../../../../src/modules/credits-process/credits-process.sweeper.js';
import { createRecorder } from '../../../../src/testing/index.js';

/** The same places for a program that has no schema. */
const foreign = defineTopic({
  name: 'foreign',
  kafka: { topic: 'credits_process_topic', existing: true },
  rabbitmq: {
    exchange: 'credits_process_topic',
    routingKey: 'credits_process_topic',
    existing: true,
  },
});

async function openModule(options: { invalid?: 'drop' | 'dead-letter' } = {}) {
  const module = creditsProcessModule({
    store: memoryCreditsStore(),
    retry: { inline: { attempts: 1 } },
    ...options,
  });
  const bus = await createBus({
    config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
    topics: [...module.topics, foreign],
    consumers: module.consumers,
    inbox: memoryInbox(),
    logger: createLogger({ level: 'silent' }),
  });
  const told = createRecorder<{ name: string; id: string }>('settled messages');
  bus.on('dropped', ({ id }) => told.add({ name: 'dropped', id }));
  bus.on('dead-lettered', ({ id }) => told.add({ name: 'dead-lettered', id }));
  await bus.start();
  return { ...module, bus, told, publisher: module.publisher(bus) };
}

const message = (request: string, units: number): CreditsMessage => ({
  kind: 'multi',
  request,
  user: 'ann',
  models: [
    { model: 'small', units, price: 2 },
    { model: 'large', units: 1, price: 10 },
  ],
});

const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
};

test('a request is paid once, whichever of its messages comes first and wherever its consumers are fed from', async () => {
  const { bus, publisher, service } = await openModule();
  await service.topUp({ id: 'p1', user: 'ann', amount: 1_000 });
  await publisher.sendCreditsProcessEnd(message('late', 5), { id: 'end' });
  await until(async () => (await service.stateOf('ann', 'late')) === 'parked');
  await publisher.sendCreditsProcess(message('late', 50));
  await until(async () => (await service.stateOf('ann', 'late')) === 'settled');
  await publisher.sendCreditsProcess(message('open', 20));
  await until(async () => (await service.stateOf('ann', 'open')) === 'reserved');
  await bus.consumer('credits-process-end').move('kafka');
  await publisher.sendCreditsProcessEnd(message('late', 5), { id: 'end' });
  await publisher.sendCreditsProcessEnd(message('open', 10));
  await until(async () => (await service.stateOf('ann', 'open')) === 'settled');
  expect(await service.balanceOf('ann')).toEqual({
    user: 'ann',
    available: 950,
    reserved: 0,
    spent: 50,
    owed: 0,
  });
  await bus.close();
});

test.each([
  ['dropped, as the guide has it', {}, 'dropped'],
  ['kept, where a deployment wants it', { invalid: 'dead-letter' } as const, 'dead-lettered'],
])('what is no valid message of a foreign producer is %s', async (_, options, name) => {
  const { bus, told } = await openModule(options);
  await bus.publish(foreign, { kind: 'single', request: 'r', user: 'ann', units: -1 }, { id: 'bad' });
  expect(await told.first(({ id }) => id === 'bad')).toEqual({ name, id: 'bad' });
  await bus.close();
});

test('what expired is given back by the sweeper, which survives a store that fails', async () => {
  let nowMs = 0;
  const store = memoryCreditsStore();
  const { service } = creditsProcessModule({ store, now: () => nowMs, reservationMs: 1_000 });
  await service.topUp({ id: 'p1', user: 'ann', amount: 1_000 });
  await service.startRequest(message('r', 20), { messageId: 'm1' });
  const lines = createRecorder<string>('log lines');
  const log = (_: object, line: string): void => lines.add(line);
  const logger: Logger = { ...createLogger({ level: 'silent' }), info: log, warn: log };
  const expire = store.expire;
  store.expire = async () => {
    throw new Error('away');
  };
  const sweeper = new ReservationSweeper({ service, logger, intervalMs: 1 });
  sweeper.start();
  await lines.first((line) => line.includes('could not be given back'));
  store.expire = expire;
  nowMs = 1_000;
  await lines.first((line) => line.includes('expired'));
  await sweeper.stop();
  expect(await service.balanceOf('ann')).toMatchObject({ available: 1_000, reserved: 0 });
});
