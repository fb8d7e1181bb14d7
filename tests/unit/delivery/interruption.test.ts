import { expect, test } from '@jest/globals';
import { memoryInbox } from '../../../src/inbox/memory-inbox.js';
import { createWorld, deferred, NEVER_ANSWERS } from './harness.js';

test('what has not started is dropped unsettled when its source is lost', async () => {
  const effect = deferred();
  const runs: string[] = [];
  const world = createWorld({
    consumer: {
      handle: ({ id }) => {
        runs.push(id);
        return effect.promise;
      },
    },
  });
  const source = { isLost: false };
  const deliveries = ['one', 'two', 'three'].map((id) => world.deliver({ id, key: 'a', source }));
  source.isLost = true;
  effect.resolve();
  await world.clock.advance(0);
  expect(runs).toEqual(['one']);
  expect(deliveries.map(({ settled }) => settled)).toEqual([1, 0, 0]); // the first one's settling has no effect there
  expect(world.pipeline.held('rabbitmq')).toBe(0);
});

test('a message whose source is lost while it waits for its next attempt is not run again', async () => {
  let runs = 0;
  const world = createWorld({
    consumer: {
      handle: () => {
        runs += 1;
        throw new Error('no');
      },
    },
  });
  const delivery = world.deliver();
  delivery.source.isLost = true;
  await world.clock.advance(60_000);
  expect({ runs, settled: delivery.settled, letters: world.letters.length }).toEqual({
    runs: 1,
    settled: 0,
    letters: 0,
  });
});

test('an interruption aborts running handlers, settles nothing and starts nothing that waited', async () => {
  const reasons: unknown[] = [];
  const world = createWorld({
    consumer: {
      concurrency: 2,
      handle: (_, { signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        return new Promise(() => undefined);
      },
    },
  });
  const deliveries = Array.from({ length: 5 }, () => world.deliver());
  expect(world.pipeline.inFlight).toBe(2);
  await world.pipeline.interrupt();
  expect(reasons).toMatchObject([{ code: 'BC_LIFECYCLE' }, { code: 'BC_LIFECYCLE' }]);
  expect(deliveries.map(({ settled }) => settled)).toEqual([0, 0, 0, 0, 0]);
  expect(world.names()).toEqual([]); // cancelled is not failed
});

test('after an interruption new deliveries run as ever, with the concurrency that was set', async () => {
  const world = createWorld({ consumer: { handle: () => new Promise(() => undefined) } });
  world.pipeline.setConcurrency(3);
  for (let index = 0; index < 5; index += 1) world.deliver();
  await world.pipeline.interrupt();
  for (let index = 0; index < 5; index += 1) world.deliver();
  expect(world.pipeline.inFlight).toBe(3);
  expect(world.pipeline.held('rabbitmq')).toBe(5);
});

test('an interruption ends waits for the next attempt and for the dead-letter place', async () => {
  const world = createWorld({
    consumer: {
      concurrency: 2,
      retry: { inline: { attempts: 2, backoff: { initialMs: 10_000 } } },
      handle: (message, { retry, deadLetter }) =>
        message.id === 'bury' ? deadLetter('no') : retry({ after: '20s' }),
    },
  });
  world.place.answer = NEVER_ANSWERS;
  const deliveries = ['wait', 'bury'].map((id) => world.deliver({ id }));
  await world.clock.advance(100);
  await world.pipeline.interrupt(); // resolves without any time passing
  expect(deliveries.map(({ settled }) => settled)).toEqual([0, 0]);
  await world.clock.advance(60_000);
  expect(world.letters).toEqual([]);
  expect(world.clock.pendingTimers).toBe(0);
});

test('an interruption gives the claim back, so that the message can be handled again', async () => {
  const inbox = memoryInbox();
  const world = createWorld({
    inbox,
    consumer: { handle: () => (runs++ === 0 ? new Promise(() => undefined) : undefined) },
  });
  let runs = 0;
  world.deliver({ id: 'again' });
  await world.pipeline.interrupt();
  const second = world.deliver({ id: 'again' });
  expect({ runs, settled: second.settled }).toEqual({ runs: 2, settled: 1 });
});

test('an interruption does not wait for ever for a store that never answers', async () => {
  const inbox = { ...memoryInbox(), claim: () => new Promise<never>(() => undefined) };
  const world = createWorld({ inbox });
  const delivery = world.deliver();
  let isOver = false;
  const interrupting = world.pipeline.interrupt().then(() => {
    isOver = true;
  });
  await world.clock.advance(999);
  expect(isOver).toBe(false);
  await world.clock.advance(1);
  await interrupting;
  expect(delivery.settled).toBe(0);
  expect(world.pipeline.held('rabbitmq')).toBe(0);
});

test('tells per broker when it holds nothing any more', async () => {
  const effects = { kafka: deferred(), rabbitmq: deferred() };
  const world = createWorld({
    consumer: { handle: (_, { broker }) => effects[broker].promise },
  });
  world.deliver({ broker: 'kafka' });
  world.deliver({ broker: 'rabbitmq' });
  const idle: string[] = [];
  void world.pipeline.idle('kafka').then(() => idle.push('kafka'));
  void world.pipeline.idle('rabbitmq').then(() => idle.push('rabbitmq'));
  effects.kafka.resolve();
  await world.clock.advance(0);
  expect(idle).toEqual(['kafka']);
  effects.rabbitmq.resolve();
  await world.clock.advance(0);
  expect(idle).toEqual(['kafka', 'rabbitmq']);
});

test('a store that answers nonsense costs the message no settlement and the next one no turn', async () => {
  const inbox = { ...memoryInbox(), markDone: () => null as unknown as readonly boolean[] };
  const world = createWorld({ inbox });
  const deliveries = [world.deliver({ key: 'a' }), world.deliver({ key: 'a' })];
  await world.clock.advance(0);
  expect(deliveries.map(({ settled }) => settled)).toEqual([0, 0]);
  expect(world.lines.map(({ level }) => level)).toEqual(['error', 'error']);
  expect(world.pipeline.held('rabbitmq')).toBe(0);
});
