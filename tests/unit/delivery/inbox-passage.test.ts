import { expect, test } from '@jest/globals';
import type { Inbox } from '../../../src/contract/inbox.js';
import { memoryInbox } from '../../../src/inbox/memory-inbox.js';
import { heldBy } from '../../support/inbox/copy-of.js';
import { createWorld, deferred, REFUSES, STORES } from './harness.js';

type Method = 'claim' | 'markDone' | 'release' | 'markBurying' | 'markDead';

/** A memory inbox that answers by promise, and that a test takes down or makes forget a claim. */
function createRemoteInbox() {
  const inner = memoryInbox();
  const asked: Method[] = [];
  const control = { isDown: false, answersAtOnce: false, before: (_: Method): void => undefined };
  const wrap =
    <Name extends Method>(name: Name) =>
    (...args: Parameters<Inbox[Name]>): never => {
      asked.push(name);
      const answer = (): unknown => {
        if (control.isDown) throw new Error('store is down');
        control.before(name);
        return (inner[name] as (...args: unknown[]) => unknown)(...args);
      };
      return (control.answersAtOnce ? answer() : Promise.resolve().then(answer)) as never;
    };
  const inbox: Inbox = {
    ...inner,
    claim: wrap('claim'),
    markDone: wrap('markDone'),
    release: wrap('release'),
    markBurying: wrap('markBurying'),
    markDead: wrap('markDead'),
  };
  return { inner, inbox, asked, control };
}

const COPY = { id: 'one', generation: 0, attempt: 1 };

test.each([true, false])(
  'a message that is settled is let go of without a run (answers at once: %s)',
  async (atOnce) => {
    const { inbox, control } = createRemoteInbox();
    control.answersAtOnce = atOnce;
    let runs = 0;
    const world = createWorld({
      inbox,
      consumer: {
        handle: () => {
          runs += 1;
        },
      },
    });
    const first = world.deliver({ id: 'one', broker: 'kafka' });
    await world.clock.advance(0);
    const second = world.deliver({ id: 'one', broker: 'rabbitmq' });
    await world.clock.advance(0);
    expect({ runs, first: first.settled, second: second.settled }).toEqual({ runs: 1, first: 1, second: 1 });
  },
);

test('a consumer that wants no inbox runs every copy', async () => {
  let runs = 0;
  const { inbox, asked } = createRemoteInbox();
  const world = createWorld({
    inbox,
    consumer: {
      inbox: false,
      handle: () => {
        runs += 1;
      },
    },
  });
  world.deliver({ id: 'one' });
  world.deliver({ id: 'one' });
  expect({ runs, asked }).toEqual({ runs: 2, asked: [] });
});

test('a foreign message without identity does not pass the inbox', () => {
  const { inbox, asked } = createRemoteInbox();
  const world = createWorld({ inbox });
  expect(world.deliver({ id: null }).settled).toBe(1);
  expect(asked).toEqual([]);
});

test('while someone else holds the claim the copy waits, and its lane with it', async () => {
  const { inbox, inner } = createRemoteInbox();
  const runs: string[] = [];
  const world = createWorld({ inbox, consumer: { handle: ({ id }) => void runs.push(id) } });
  await inner.claim('billing', [COPY], 'other');
  const waiting = world.deliver({ id: 'one', key: 'a' });
  const behind = world.deliver({ id: 'two', key: 'a' });
  await world.clock.advance(30_000);
  expect({ runs, settled: waiting.settled + behind.settled }).toEqual({ runs: [], settled: 0 });
  await inner.markDone('billing', heldBy([COPY], 'other'));
  await world.clock.advance(1_000);
  expect({ runs, waiting: waiting.settled, behind: behind.settled }).toEqual({
    runs: ['two'],
    waiting: 1,
    behind: 1,
  });
});

test('a claim that is given back is taken by the copy that waited', async () => {
  const { inbox, inner } = createRemoteInbox();
  let runs = 0;
  const world = createWorld({
    inbox,
    consumer: {
      handle: () => {
        runs += 1;
      },
    },
  });
  await inner.claim('billing', [COPY], 'other');
  const delivery = world.deliver({ id: 'one' });
  await world.clock.advance(5_000);
  await inner.release('billing', heldBy([COPY], 'other'));
  await world.clock.advance(1_000);
  expect({ runs, settled: delivery.settled }).toEqual({ runs: 1, settled: 1 });
});

test('a copy that was lost while it waited for its claim is not run and gives the claim back', async () => {
  const { inbox, inner, control } = createRemoteInbox();
  let runs = 0;
  const world = createWorld({
    inbox,
    consumer: {
      handle: () => {
        runs += 1;
      },
    },
  });
  const delivery = world.deliver({ id: 'one' });
  control.before = (name) => {
    if (name === 'claim') delivery.source.isLost = true;
  };
  await world.clock.advance(1_000);
  expect({ runs, settled: delivery.settled }).toEqual({ runs: 0, settled: 0 });
  expect(inner.claim('billing', [COPY], 'next')).toEqual(['claimed']);
});

test.each([true, false])(
  'while the store is down nothing runs and nothing is let go of (at once: %s)',
  async (atOnce) => {
    const { inbox, control } = createRemoteInbox();
    control.answersAtOnce = atOnce;
    control.isDown = true;
    let runs = 0;
    const world = createWorld({
      inbox,
      consumer: {
        handle: () => {
          runs += 1;
        },
      },
    });
    const deliveries = ['one', 'two'].map((id) => world.deliver({ id }));
    await world.clock.advance(120_000);
    expect({ runs, settled: deliveries.map(({ settled }) => settled) }).toEqual({ runs: 0, settled: [0, 0] });
    expect(world.names()).toEqual(['consumer-paused']);
    expect(world.pipeline.trouble).toContain('store is down');
    control.isDown = false;
    await world.clock.advance(10_000);
    expect({ runs, settled: deliveries.map(({ settled }) => settled) }).toEqual({ runs: 2, settled: [1, 1] });
    expect(world.names()).toEqual(['consumer-paused', 'consumer-resumed']);
    expect(world.pipeline.trouble).toBeNull();
  },
);

test('a store that goes down between effect and record: the copy is kept until the record is written', async () => {
  const { inbox, control } = createRemoteInbox();
  let runs = 0;
  const world = createWorld({
    inbox,
    consumer: {
      handle: () => {
        runs += 1;
        control.isDown = true;
      },
    },
  });
  const delivery = world.deliver({ id: 'one' });
  await world.clock.advance(60_000);
  expect({ runs, settled: delivery.settled }).toEqual({ runs: 1, settled: 0 });
  control.isDown = false;
  await world.clock.advance(10_000);
  expect({ runs, settled: delivery.settled }).toEqual({ runs: 1, settled: 1 });
});

test('stopped between effect and record, the copy is not let go of', async () => {
  const { inbox, control } = createRemoteInbox();
  const world = createWorld({
    inbox,
    consumer: {
      handle: () => {
        control.isDown = true;
      },
    },
  });
  const delivery = world.deliver({ id: 'one' });
  await world.clock.advance(50);
  await Promise.all([world.pipeline.interrupt(), world.clock.advance(1_000)]);
  await world.clock.advance(60_000);
  expect(delivery.settled).toBe(0);
});

test('a claim that was lost while the handler ran: it looks again and never runs the handler twice', async () => {
  const { inbox, inner, control } = createRemoteInbox();
  let runs = 0;
  let hasStolen = false;
  const world = createWorld({
    inbox,
    consumer: {
      handle: () => {
        runs += 1;
      },
    },
  });
  // Someone else took it over (its lease ran out), and gave it back without an effect.
  const original = inner.markDone;
  inner.markDone = (...args) => {
    if (hasStolen) return original(...args);
    hasStolen = true;
    void inner.release(...args);
    return [false];
  };
  control.answersAtOnce = true;
  const delivery = world.deliver({ id: 'one' });
  expect(delivery.settled).toBe(0);
  await world.clock.advance(1_000);
  expect({ runs, settled: delivery.settled }).toEqual({ runs: 1, settled: 1 });
  expect(inner.areSettled('billing', [COPY])).toEqual([true]);
});

test('a claim that was lost before a dead letter: what the other owner settled is let go of without a letter', async () => {
  const { inbox, inner, control } = createRemoteInbox();
  control.answersAtOnce = true;
  inner.markBurying = (...args) => {
    void inner.markDone(...args); // taken over and done by someone else
    return [false];
  };
  const world = createWorld({
    inbox,
    consumer: { retry: { inline: { attempts: 1 } }, handle: () => Promise.reject(new Error('no')) },
  });
  const delivery = world.deliver({ id: 'one' });
  await world.clock.advance(1_000);
  expect({ letters: world.letters.length, settled: delivery.settled }).toEqual({ letters: 0, settled: 1 });
});

test('a dead letter is decided before it is stored, and recorded before the copy is let go of', async () => {
  const { inbox, asked } = createRemoteInbox();
  const world = createWorld({
    inbox,
    consumer: { retry: { inline: { attempts: 1 } }, handle: () => Promise.reject(new Error('no')) },
  });
  world.place.answer = (ticket) => {
    asked.push('letter' as Method);
    return STORES(ticket);
  };
  const delivery = world.deliver({ id: 'one' });
  await world.clock.advance(0);
  expect(asked).toEqual(['claim', 'markBurying', 'letter', 'markDead']);
  expect(delivery.settled).toBe(1);
});

test('whoever takes over a burial stores the letter and never runs the handler', async () => {
  const { inbox, inner } = createRemoteInbox();
  let runs = 0;
  const world = createWorld({
    inbox,
    consumer: {
      handle: () => {
        runs += 1;
      },
    },
  });
  await inner.claim('billing', [COPY], 'other');
  await inner.markBurying('billing', heldBy([COPY], 'other'));
  await inner.release('billing', heldBy([COPY], 'other'));
  const delivery = world.deliver({ id: 'one', headers: { 'bc-attempt': '3' } });
  await world.clock.advance(0);
  expect(runs).toBe(0);
  expect(world.letters[0]?.headers).toMatchObject({ 'bc-reason': 'attempts', 'bc-attempt': '9' });
  expect(delivery.settled).toBe(1);
});

test('a burial that is interrupted goes on with the next copy', async () => {
  const { inbox } = createRemoteInbox();
  let runs = 0;
  const world = createWorld({
    inbox,
    consumer: {
      retry: { inline: { attempts: 1 } },
      handle: () => {
        runs += 1;
        throw new Error('no');
      },
    },
  });
  world.place.answer = REFUSES;
  const first = world.deliver({ id: 'one' });
  await world.clock.advance(100);
  await Promise.all([world.pipeline.interrupt(), world.clock.advance(10)]);
  world.place.answer = STORES;
  const second = world.deliver({ id: 'one' });
  await world.clock.advance(0);
  expect({ runs, letters: world.letters.length }).toEqual({ runs: 1, letters: 1 });
  expect({ first: first.settled, second: second.settled }).toEqual({ first: 0, second: 1 });
});

test('a hundred copies of one id on both brokers at once have one effect', async () => {
  const { inbox } = createRemoteInbox();
  const effect = deferred();
  let runs = 0;
  const world = createWorld({
    inbox,
    consumer: {
      concurrency: 100,
      handle: () => {
        runs += 1;
        return effect.promise;
      },
    },
  });
  const deliveries = Array.from({ length: 100 }, (_, index) =>
    world.deliver({ id: 'one', broker: index % 2 === 0 ? 'kafka' : 'rabbitmq' }),
  );
  await world.clock.advance(100);
  effect.resolve();
  await world.clock.advance(5_000);
  expect(runs).toBe(1);
  expect(deliveries.every(({ settled }) => settled === 1)).toBe(true);
});

test('a replayed generation has an effect of its own', async () => {
  const { inbox } = createRemoteInbox();
  let runs = 0;
  const world = createWorld({
    inbox,
    consumer: {
      handle: () => {
        runs += 1;
      },
    },
  });
  for (const count of ['0', '1', '1', '2'])
    world.deliver({ id: 'one', headers: { 'bc-replay-count': count } });
  await world.clock.advance(2_000);
  expect(runs).toBe(3);
});
