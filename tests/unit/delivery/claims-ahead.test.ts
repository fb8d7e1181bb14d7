import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { ConsumerOptions } from '../../../src/contract/consumer.js';
import type { ClaimOutcome, Inbox } from '../../../src/contract/inbox.js';
import { memoryInbox } from '../../../src/inbox/memory-inbox.js';
import { heldBy } from '../../support/inbox/copy-of.js';
import { createWorld, type Deferred, deferred } from './harness.js';

/** A consumer over an inbox that is asked in bulk, whose handlers end when the test says so. */
function createScene(consumer: Partial<ConsumerOptions<unknown>> = {}) {
  const inner = memoryInbox();
  const asked: string[] = [];
  const control = { isDown: false, before: async (_: string): Promise<void> => undefined };
  const wrap =
    <Name extends 'claim' | 'markDone' | 'release'>(name: Name) =>
    async (...args: Parameters<Inbox[Name]>): Promise<never> => {
      const ids = args[1].map((one) => ('copy' in one ? one.copy.id : one.id));
      asked.push(`${name} ${ids.join(' ')}`);
      await control.before(name);
      if (control.isDown) throw new Error('store is down');
      return (inner[name] as (...args: unknown[]) => unknown)(...args) as never;
    };
  const inbox: Inbox = {
    ...inner,
    bulkSize: 100,
    claim: wrap('claim'),
    markDone: wrap('markDone'),
    release: wrap('release'),
  };
  const runs = new Map<string, Deferred>();
  const started: string[] = [];
  const world = createWorld({
    inbox,
    consumer: {
      concurrency: 2,
      handle: ({ id }) => {
        started.push(id);
        const run = deferred();
        runs.set(id, run);
        return run.promise;
      },
      ...consumer,
    },
  });
  /** Bulks go by turns of the event loop, waits by the clock. */
  const pass = async (ms = 0): Promise<void> => {
    for (let turn = 0; turn < 5; turn += 1) {
      await nextTurn();
      await world.clock.advance(turn === 0 ? ms : 0);
    }
  };
  const end = async (id: string): Promise<void> => {
    runs.get(id)?.resolve();
    await pass();
  };
  const claimBy = (id: string): ClaimOutcome | undefined =>
    (inner.claim('billing', [{ id, generation: 0, attempt: 1 }], 'other') as readonly ClaimOutcome[])[0];
  const one = (id: string) => [{ id, generation: 0, attempt: 1 }];
  const markBy = (id: string) => inner.markDone('billing', heldBy(one(id), 'other'));
  /** Its owner stored no letter yet, and is gone. */
  const buryBy = async (id: string) => {
    await inner.markBurying('billing', heldBy(one(id), 'other'));
    await inner.release('billing', heldBy(one(id), 'other'));
  };
  return { world, asked, control, started, pass, end, claimBy, markBy, buryBy };
}

test('more are claimed than may run, in one bulk, and no more run than may', async () => {
  const { world, asked, started, pass, end } = createScene();
  for (const id of ['a', 'b', 'c', 'd', 'e']) world.deliver({ id });
  await pass();
  expect(asked[0]).toBe('claim a b c d');
  expect(started).toEqual(['a', 'b']);
  expect(world.pipeline.inFlight).toBe(2);
  await end('a');
  expect(started).toEqual(['a', 'b', 'c']);
});

test('more are let in once half of those that were claimed ahead had their turn, so that claims stay in bulks', async () => {
  const { world, asked, pass, end } = createScene({ concurrency: 4 });
  const ids = Array.from('abcdefghijklmnop');
  for (const id of ids) world.deliver({ id });
  await pass();
  expect(asked).toEqual(['claim a b c d e f g h']);
  asked.length = 0;
  await end('a');
  expect(asked).toEqual(['markDone a']);
  await end('b');
  expect(asked).toEqual(['markDone a', 'markDone b', 'claim i j']);
});

test('a handler that ended frees its place before its end is recorded, but not its lane', async () => {
  const { world, control, started, pass, end } = createScene({ concurrency: 1 });
  const first = world.deliver({ id: 'a', key: 'k' });
  world.deliver({ id: 'b', key: 'k' });
  world.deliver({ id: 'c' });
  await pass();
  const recorded = deferred();
  control.before = (name) => (name === 'markDone' ? recorded.promise : Promise.resolve());
  await end('a');
  expect({ started, settled: first.settled }).toEqual({ started: ['a', 'c'], settled: 0 });
  recorded.resolve();
  await end('c');
  await pass();
  expect({ started, settled: first.settled }).toEqual({ started: ['a', 'c', 'b'], settled: 1 });
});

test('of one key the next is claimed while the first runs, and runs once that is settled', async () => {
  const { world, asked, started, pass, end } = createScene();
  for (const id of ['a', 'b', 'c']) world.deliver({ id, key: 'k' });
  await pass();
  expect({ asked, started }).toEqual({ asked: ['claim a', 'claim b'], started: ['a'] });
  await end('a');
  expect(asked).toEqual(['claim a', 'claim b', 'markDone a', 'claim c']);
  expect(started).toEqual(['a', 'b']);
  await end('b');
  await end('c');
  expect(world.pipeline.inFlight).toBe(0);
});

test('a turn that comes before the answer waits for it', async () => {
  const { world, control, started, pass, end } = createScene();
  const deliveries = ['a', 'b'].map((id) => world.deliver({ id, key: 'k' }));
  const answers = deferred();
  let claims = 0;
  control.before = (name) => {
    if (name === 'claim') claims += 1;
    return name === 'claim' && claims === 2 ? answers.promise : Promise.resolve();
  };
  await pass();
  await end('a');
  expect({ started, claims, inFlight: world.pipeline.inFlight }).toEqual({
    started: ['a'],
    claims: 2,
    inFlight: 0, // no place is kept for what waits for the store
  });
  answers.resolve();
  await pass();
  await end('b');
  expect({ started, settled: deliveries.map(({ settled }) => settled) }).toEqual({
    started: ['a', 'b'],
    settled: [1, 1],
  });
});

test('a second copy behind the first of its message is let go of with it, without a pause', async () => {
  const { world, started, pass, end } = createScene();
  const copies = ['a', 'a', 'b'].map((id) => world.deliver({ id, key: 'k' }));
  await pass();
  await end('a');
  await end('b');
  expect({ started, settled: copies.map(({ settled }) => settled) }).toEqual({
    started: ['a', 'b'],
    settled: [1, 1, 1],
  });
});

test('what is claimed by somebody else before its turn is asked for again in its turn', async () => {
  const { world, asked, started, pass, end, claimBy, markBy } = createScene();
  const copies = ['a', 'b'].map((id) => world.deliver({ id, key: 'k' }));
  expect(claimBy('b')).toBe('claimed');
  await pass();
  expect(asked).toEqual(['claim a', 'claim b']);
  await end('a');
  expect(asked.at(-1)).toBe('claim b');
  await markBy('b');
  await pass(10);
  expect({ started, settled: copies.map(({ settled }) => settled) }).toEqual({
    started: ['a'],
    settled: [1, 1],
  });
});

test('what a dead owner was burying is buried in its turn, and not run', async () => {
  const { world, started, pass, end, claimBy, buryBy } = createScene();
  const copies = ['a', 'b'].map((id) => world.deliver({ id, key: 'k' }));
  claimBy('b');
  await buryBy('b');
  await pass();
  expect(world.letters).toEqual([]);
  await end('a');
  await pass();
  expect({ started, settled: copies.map(({ settled }) => settled) }).toEqual({
    started: ['a'],
    settled: [1, 1],
  });
  expect(world.letters).toHaveLength(1);
});

test('a slow key is claimed ahead once per message, and makes no fewer of the others be let in', async () => {
  const { world, asked, pass, end } = createScene({ concurrency: 2 });
  for (const id of ['a', 'b']) world.deliver({ id, key: 'k' });
  for (let look = 0; look < 20; look += 1) await pass(100);
  expect(asked).toEqual(['claim a', 'claim b', 'release b']);
  for (const id of ['w', 'x', 'y', 'z']) world.deliver({ id });
  await pass();
  expect(asked.slice(3)).toEqual(['claim w x y']);
  await end('a');
  await end('w');
  expect(asked.slice(4)).toContain('claim b');
});

test('what was claimed and not started is given back when the consumer is stopped', async () => {
  const { world, started, pass, claimBy } = createScene({ concurrency: 1 });
  const deliveries = ['a', 'b', 'c', 'd'].map((id) => world.deliver({ id }));
  await pass();
  expect(started).toEqual(['a']);
  expect(claimBy('b')).toBe('busy');
  const stopping = world.pipeline.interrupt();
  await pass();
  await stopping; // those that had not asked yet hold it up no more than those that had
  expect(claimBy('b')).toBe('claimed');
  expect({ started, settled: deliveries.map(({ settled }) => settled) }).toEqual({
    started: ['a'],
    settled: [0, 0, 0, 0],
  });
});

test('what was claimed and lost with its channel is given back while others still run', async () => {
  const { world, started, pass, end, claimBy } = createScene({ concurrency: 1 });
  world.deliver({ id: 'a' });
  const lost = world.deliver({ id: 'b' });
  await pass();
  lost.source.isLost = true;
  await pass(100);
  expect(claimBy('b')).toBe('claimed');
  await end('a');
  expect({ started, settled: lost.settled }).toEqual({ started: ['a'], settled: 0 });
});

test('a claim whose turn does not come soon is given back, and asked for again when it does', async () => {
  const { world, asked, started, pass, end } = createScene({ concurrency: 1 });
  const deliveries = ['a', 'b'].map((id) => world.deliver({ id }));
  await pass();
  await pass(700);
  expect(asked.slice(1)).toEqual(['release b']);
  await end('a');
  await pass(10);
  await end('b');
  expect(started).toEqual(['a', 'b']);
  expect(deliveries.map(({ settled }) => settled)).toEqual([1, 1]);
});

test('a claim that waited while the process was frozen is not trusted: who took it over has the only run', async () => {
  const { world, control, asked, started, pass, end, claimBy } = createScene({ concurrency: 1 });
  world.deliver({ id: 'a' });
  const waiting = world.deliver({ id: 'b' });
  await pass();
  const clock = world.clock as { monotonicMs: () => number };
  const frozenMs = clock.monotonicMs();
  clock.monotonicMs = () => frozenMs + 60_000; // time passed, no timer ran
  control.before = async (name) => {
    if (name === 'release') expect(asked).toContain('release b');
  };
  await end('a');
  await pass(10);
  expect(asked.filter((one) => one.endsWith(' b'))).toEqual(expect.arrayContaining(['claim b', 'release b']));
  expect(asked.filter((one) => one === 'claim b' || one === 'claim a b').length).toBeGreaterThan(1);
  expect(claimBy('b')).toBe('busy');
  await end('b');
  expect({ started, settled: waiting.settled }).toEqual({ started: ['a', 'b'], settled: 1 });
});

test('while the store is away nothing that was claimed before is started', async () => {
  const { world, control, started, pass, end } = createScene({ concurrency: 2 });
  for (const id of ['a', 'b', 'c', 'd']) world.deliver({ id });
  await pass();
  control.isDown = true;
  await end('a'); // c is started before anybody knows
  await end('b');
  expect(started).toEqual(['a', 'b', 'c']);
  control.isDown = false;
  await pass(20_000);
  await pass(1_000);
  expect(started).toEqual(['a', 'b', 'c', 'd']);
});

test('slow handlers make fewer be claimed ahead', async () => {
  const { world, asked, pass, end } = createScene({ concurrency: 1 });
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) world.deliver({ id });
  for (let look = 0; look < 20; look += 1) await pass(100);
  asked.length = 0;
  await end('a');
  for (let look = 0; look < 20; look += 1) await pass(100);
  expect(asked.filter((one) => one.startsWith('claim'))).toEqual(['claim b', 'claim c']);
});

test('fast handlers make more be claimed ahead, in bulks larger than may run', async () => {
  const { world, asked, pass } = createScene({ concurrency: 1, handle: () => undefined });
  for (let n = 0; n < 60; n += 1) world.deliver();
  for (let look = 0; look < 10; look += 1) await pass(100);
  const sizes = asked.filter((one) => one.startsWith('claim')).map((one) => one.split(' ').length - 1);
  expect(Math.max(...sizes)).toBeGreaterThanOrEqual(8);
});
