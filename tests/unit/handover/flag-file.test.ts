import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { billing, openTestBus, orders, type TestBus } from '../bus/harness.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flags-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (): string => join(folder, 'buscoupler.config.json');
const flagged = (broker?: string, consumer = 'billing'): string =>
  JSON.stringify({ consumers: { [consumer]: broker === undefined ? {} : { broker } } });

/** Lets polls happen until the event was told: each poll reads the real file. */
async function untilTold({ clock, told }: TestBus, name: string): Promise<void> {
  const before = told.length;
  while (!told.slice(before).some((one) => one.name === name)) {
    await clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a flag that changes in the watched file moves the consumer, there and back, without losing a message', async () => {
  await writeFile(file(), flagged('rabbitmq'));
  const handled: number[] = [];
  const world = await openTestBus({
    file: file(),
    consumers: [billing({ handle: ({ data }) => void handled.push(data.n) })],
  });
  await world.start();
  for (let n = 0; n < 10; n += 1) await world.bus.publish(orders, { n });
  await writeFile(`${file()}.new`, flagged('kafka'));
  await rename(`${file()}.new`, file()); // as tools replace files
  await untilTold(world, 'consumer-moved');
  expect(world.bus.consumer('billing').status()).toMatchObject({ state: 'live', broker: 'kafka' });
  for (let n = 10; n < 20; n += 1) await world.bus.publish(orders, { n });
  await writeFile(file(), flagged()); // no flag: the default broker, RabbitMQ
  await untilTold(world, 'consumer-moved');
  expect(world.bus.consumer('billing').status()).toMatchObject({ state: 'live', broker: 'rabbitmq' });
  await world.clock.advance(1_000);
  expect(handled.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
});

test('a file that turns bad changes nothing and is told', async () => {
  await writeFile(file(), flagged('rabbitmq'));
  const world = await openTestBus({ file: file(), consumers: [billing()] });
  await world.start();
  await writeFile(file(), '{"consumers": {"billing": {"broker": "kaf');
  await untilTold(world, 'warning');
  expect(world.bus.consumer('billing').status()).toMatchObject({ state: 'live', broker: 'rabbitmq' });
  await writeFile(file(), flagged('kafka'));
  await untilTold(world, 'consumer-moved');
  expect(world.bus.consumer('billing').status().broker).toBe('kafka');
});

test('a flag of a consumer that is not there, and a move that is refused, are told', async () => {
  await writeFile(file(), flagged('rabbitmq'));
  const world = await openTestBus({ file: file(), inbox: null, consumers: [billing()] });
  await world.start();
  await writeFile(file(), flagged('kafka', 'biling'));
  await untilTold(world, 'warning');
  expect(world.told.at(-1)).toMatchObject({ event: { what: expect.stringContaining('"biling"') } });
  await writeFile(file(), flagged('kafka'));
  await untilTold(world, 'consumer-move-refused');
  expect(world.bus.consumer('billing').status()).toMatchObject({ state: 'live', broker: 'rabbitmq' });
});

test('after close the file is looked at no more', async () => {
  await writeFile(file(), flagged('rabbitmq'));
  const world = await openTestBus({ file: file(), consumers: [billing()] });
  await world.start();
  await world.bus.close();
  expect(world.clock.pendingTimers).toBe(0);
});
