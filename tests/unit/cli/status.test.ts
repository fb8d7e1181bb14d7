import { expect, test } from '@jest/globals';
import { createLogBroker } from '../../../src/adapters/memory/log-broker.js';
import { createQueueBroker } from '../../../src/adapters/memory/queue-broker.js';
import { runCli } from '../../../src/cli/run-cli.js';
import { type CreateBusOptions, loadConfig } from '../../../src/index.js';
import { orders } from '../bus/harness.js';
import { type DeskWorld, deskWorld } from '../dead-letters/desk-harness.js';

interface Given {
  readonly abortAfter?: number;
  readonly hasColours?: boolean;
}

/** `status` beside a running service on embedded brokers. */
function statusOver(world: DeskWorld, { abortAfter = Infinity, hasColours = false }: Given = {}) {
  const { clock, log, queues, consumer } = world;
  const load = async (): Promise<CreateBusOptions> => ({
    config: await loadConfig({ EMBEDDED: 'true', CONSUMER_BILLING_BROKER: 'rabbitmq' }, { file: false }),
    topics: [orders],
    consumers: [consumer],
    clock,
    brokers: {
      kafka: (parts) => createLogBroker({ ...parts, store: log, clientId: 'status' }),
      rabbitmq: (parts) => createQueueBroker({ ...parts, store: queues, clientId: 'status' }),
    },
  });
  return async (...args: string[]) => {
    const texts = { out: [] as string[], err: '' };
    const interrupt = new AbortController();
    const running = runCli(['status', '--config', 'app.mjs', ...args], {
      out: async (text) => {
        texts.out.push(text);
        if (texts.out.length >= abortAfter) interrupt.abort();
      },
      err: (text) => {
        texts.err += text;
      },
      hasColours,
      signal: interrupt.signal,
      load,
      lines: async function* () {},
    });
    const code = await (abortAfter === Infinity ? world.run(running) : running);
    return { code, ...texts };
  };
}

test('counts what waits and what is dead on each leg, as aligned text', async () => {
  const world = await deskWorld();
  await world.publish(3);
  const { code, out, err } = await statusOver(world)();
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const lines = out.join('').split('\n');
  expect(lines.map((line) => line.split(/\s{2,}/)).slice(0, 3)).toEqual([
    ['CONSUMER', 'BROKER', 'STATE', 'WAITING', 'UNSETTLED', 'OLDEST', 'RETRIES', 'DEAD LETTERS', 'READERS'],
    ['billing', 'kafka', 'idle', '3', '–', '0s', '0', '0', '0'],
    ['billing', 'rabbitmq', 'live', '0', '0', '–', '0', '3', '1'],
  ]);
  expect(out.join('')).toContain('Embedded brokers live in the process that made them');
});

test('one broker that is down hides nothing of the other, and ends with 1', async () => {
  const world = await deskWorld();
  await world.publish(2);
  world.log.faults.goDown();
  const { code, out } = await statusOver(world)('--json', '--timeout', '500');
  const [{ legs }] = (JSON.parse(out.join('')) as { consumers: [{ legs: { reason?: string }[] }] }).consumers;
  expect(code).toBe(1);
  expect(legs).toMatchObject([
    { broker: 'kafka', state: 'unreachable', deadLetters: null },
    { broker: 'rabbitmq', state: 'live', deadLetters: 2 },
  ]);
  expect(legs[0]?.reason).not.toBe('');
});

test('an unknown consumer is a mistake of the command line', async () => {
  const { code, err } = await statusOver(await deskWorld())('--consumer', 'nobody');
  expect(code).toBe(64);
  expect(err).toContain('billing');
});

test('watching looks again until it is interrupted; a terminal is redrawn', async () => {
  const world = await deskWorld();
  const lines = await statusOver(world, { abortAfter: 3 })('--watch', '--json', '--interval', '1');
  expect(lines.code).toBe(130);
  expect(lines.out.map((line) => (JSON.parse(line) as { isEmbedded: boolean }).isEmbedded)).toEqual([
    true,
    true,
    true,
  ]);
  const drawn = await statusOver(world, { abortAfter: 2, hasColours: true })('--watch', '--interval', '1');
  expect(drawn.out.every((text) => text.startsWith('\u001b[H\u001b[2J'))).toBe(true);
});
