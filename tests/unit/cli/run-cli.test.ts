import { expect, test } from '@jest/globals';
import { createLogBroker } from '../../../src/adapters/memory/log-broker.js';
import { createQueueBroker } from '../../../src/adapters/memory/queue-broker.js';
import { runCli } from '../../../src/cli/run-cli.js';
import { type CreateBusOptions, loadConfig } from '../../../src/index.js';
import { orders } from '../bus/harness.js';
import { type DeskWorld, deskWorld } from '../dead-letters/desk-harness.js';

interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The command line over the brokers and the inbox of a world. */
function cliOver(world: DeskWorld, given: { signal?: AbortSignal; lines?: string[] } = {}) {
  const { clock, log, queues, consumer, inbox } = world;
  const load = async (): Promise<CreateBusOptions> => ({
    config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
    topics: [orders],
    consumers: [consumer],
    ...(inbox === null ? {} : { inbox }),
    clock,
    brokers: {
      kafka: (parts) => createLogBroker({ ...parts, store: log, clientId: 'cli' }),
      rabbitmq: (parts) => createQueueBroker({ ...parts, store: queues, clientId: 'cli' }),
    },
  });
  return async (...args: string[]): Promise<CliRun> => {
    const texts = { out: '', err: '' };
    const running = runCli(['dead-letters', ...args, '--config', 'app.mjs'], {
      out: async (text) => {
        texts.out += text;
      },
      err: (text) => {
        texts.err += text;
      },
      hasColours: false,
      signal: given.signal ?? new AbortController().signal,
      load,
      lines: async function* () {
        yield* given.lines ?? [];
      },
    });
    return { code: await world.run(running), ...texts };
  };
}

test('lists letters as aligned text, and as JSON', async () => {
  const world = await deskWorld();
  await world.publish(3);
  const cli = cliOver(world);
  const text = await cli('list', '--limit', '2');
  expect(text).toMatchObject({ code: 0, err: '' });
  const [head = '', first = '', , , more] = text.out.split('\n');
  expect(first.indexOf('billing')).toBe(head.indexOf('CONSUMER'));
  expect(first).toMatch(/rabbitmq {2}rejected {2}TypeError: cannot book 0 /);
  expect(more).toMatch(/^More with --cursor \S+$/);
  const page = await cli('list', '--json', ...(more?.split(' ').slice(2) ?? []));
  expect(JSON.parse(page.out)).toMatchObject({ letters: [{ id: 'm2' }], cursor: null });
});

test('shows groups, and one letter whole', async () => {
  const world = await deskWorld();
  await world.publish(3);
  const cli = cliOver(world);
  expect((await cli('groups')).out).toMatch(/\n3 +billing +TypeError +.*desk-harness/);
  expect((await cli('show', 'm1')).out).toMatch(/\nbody +\{"n":1\}\n$/);
  expect(JSON.parse((await cli('show', 'm1', '--json')).out)).toMatchObject([
    { id: 'm1', body: { utf8: '{"n":1}' } },
  ]);
  expect(await cli('show', 'm9')).toMatchObject({ code: 1, out: '', err: 'There is no dead letter m9.\n' });
});

test('no letter can steer the terminal', async () => {
  const world = await deskWorld();
  const evil = '\u001b[2Jboo\u202e\u009b';
  world.queues.write('', 'billing-group_dlq', {
    id: evil,
    body: Buffer.from(evil),
    headers: { [evil]: evil },
  });
  const cli = cliOver(world);
  for (const args of [['list'], ['show', evil], ['groups'], ['list', '--json'], ['export']]) {
    const { code, out } = await cli(...args);
    expect(code).toBe(0);
    for (const control of evil.replace('[2Jboo', '')) expect(out).not.toContain(control);
  }
  expect(JSON.parse((await cli('export')).out)).toMatchObject({ id: evil, body: { utf8: evil } });
});

test('a replay is a preview until it is told to act, and the exit code says so', async () => {
  const world = await deskWorld();
  const cli = cliOver(world);
  expect(await cli('replay')).toMatchObject({ code: 0, out: 'Nothing to replay.\n' });
  await world.publish(2);
  world.state.isBroken = false;
  const preview = await cli('replay', '--consumer', 'billing');
  expect(preview.code).toBe(2);
  expect(preview.out).toMatch(/\n2 +billing +rabbitmq +billing-group\n/);
  expect(preview.out).toContain('Nothing was changed. Act with --execute.');
  expect(world.state.handled).toEqual([]);
  const done = await cli('replay', '--consumer', 'billing', '--execute', '--by', 'ann', '--rate', '100');
  expect(done.code).toBe(0);
  expect(done.out).toContain('Done. 2 replayed');
  expect(world.state.handled).toHaveLength(2);
  expect(world.state.handled[0]?.headers).toMatchObject({ 'bc-replayed-by': 'ann' });
});

test('exit codes tell a stopped replay, a refused one and an interrupted one apart', async () => {
  const world = await deskWorld({ env: {} });
  await world.publish(2);
  const cli = cliOver(world);
  expect(await cli('replay', '--execute')).toMatchObject({
    code: 5,
    out: expect.stringContaining('Stopped.'),
  });
  await world.clock.advance(15 * 86_400_000);
  expect(await cli('replay', '--execute')).toMatchObject({
    code: 3,
    out: expect.stringContaining('too-old'),
  });
  expect((await cliOver(world, { signal: AbortSignal.abort() })('replay', '--execute')).code).toBe(130);
});

test('purges only what is confirmed by name', async () => {
  const world = await deskWorld();
  await world.publish(3);
  const cli = cliOver(world);
  const purge = ['purge', '--consumer', 'billing'];
  expect(await cli(...purge)).toMatchObject({ code: 2, out: expect.stringContaining('3 letters would be') });
  expect(await cli(...purge, '--execute')).toMatchObject({
    code: 3,
    err: expect.stringContaining('--confirm'),
  });
  expect(await cli(...purge, '--execute', '--confirm', 'biling')).toMatchObject({ code: 3 });
  expect(world.deadLetters().rabbitmq).toHaveLength(3);
  expect(await cli(...purge, '--execute', '--confirm', 'billing', '--id', 'm1')).toMatchObject({ code: 0 });
  expect(world.deadLetters().rabbitmq.map(({ id }) => id)).toEqual(['m0', 'm2']);
  expect((await cli('purge')).code).toBe(64);
});

test('exported letters come back mended', async () => {
  const world = await deskWorld();
  await world.publish(2);
  const { code, out } = await cliOver(world)('export', '--consumer', 'billing');
  expect(code).toBe(0);
  const [first = ''] = out.trim().split('\n');
  const mended = first.replace('{\\"n\\":0}', '{\\"n\\":42}');
  expect(mended).not.toBe(first);
  world.state.isBroken = false;
  const cli = cliOver(world, { lines: [mended] });
  expect(await cli('replay', '--from', 'mended.ndjson', '--execute')).toMatchObject({ code: 0 });
  expect(world.state.handled).toMatchObject([{ n: 42, headers: { 'bc-id': 'm0' } }]);
  expect(world.deadLetters().rabbitmq.map(({ id }) => id)).toEqual(['m1']);
});

test.each([
  [['lisst'], 'lisst'],
  [['list', '--limt', '1'], '--limt'],
  [['list', '--broker', 'kafak'], 'kafak'],
  [['replay', '--rate', 'fast'], 'rate'],
  [['list', '--limit', '0.5'], 'limit'],
  [['list', '--consumer', 'biling'], 'billing'],
  [['list', '--older-than', 'yesterday'], 'olderThan'],
])('%j is no usage', async (args, named) => {
  const { code, out, err } = await cliOver(await deskWorld())(...args);
  expect({ code, out }).toEqual({ code: 64, out: '' });
  expect(err).toContain(named);
});
