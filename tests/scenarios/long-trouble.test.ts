import { afterEach, expect, test } from '@jest/globals';
import type { Clock } from '../../src/contract/clock.js';
import { systemClock } from '../../src/delivery/system-clock.js';
import { HELD_IN_TROUBLE, HOLD_MAX_MS } from '../../src/handover/hold-limit.js';
import { defineConsumer, type Inbox, memoryInbox } from '../../src/index.js';
import { checkHistory, createRecorder, recordHistory } from '../../src/testing/index.js';
import { describeWithServers } from '../support/servers/describe-with-servers.js';
import { openTwoBrokers, usageTopic } from './two-brokers.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** Real time, but what is due after 10 min is due after 2 s. */
const hastyClock: Clock = {
  ...systemClock,
  schedule: (callback, delayMs, options) =>
    systemClock.schedule(callback, Math.round(delayMs) === HOLD_MAX_MS ? 2_000 : delayMs, options),
};

/** An inbox that a test takes away. */
function openInbox() {
  const inbox = memoryInbox();
  const state = { isDown: false };
  const claim: Inbox['claim'] = (...given) => {
    if (state.isDown) throw new Error('no primary');
    return inbox.claim(...given);
  };
  return { state, inbox: { ...inbox, claim } };
}

describeWithServers('long trouble on real brokers', { shared: ['kafka', 'rabbitmq-4.0'] }, (servers) => {
  test('a queue gets back once what waits for an inbox, and each message has one effect when that answers', async () => {
    const { state, inbox } = openInbox();
    const history = recordHistory();
    const topic = usageTopic();
    const options = { name: 'usage', topic, group: `${topic.name}_group`, handle: async () => {} };
    const consumer = defineConsumer(history.consumer(options));
    const bus = await openTwoBrokers({
      servers,
      consumers: [consumer],
      inbox,
      fedBy: 'rabbitmq',
      clock: hastyClock,
    });
    cleanups.push(() => bus.close());
    history.watch(bus);
    const warnings = createRecorder<string>('warnings');
    bus.on('warning', ({ what }) => warnings.add(what));
    const starts = createRecorder<string>('starts');
    bus.on('consumer-started', ({ broker }) => starts.add(broker));
    await bus.start();
    state.isDown = true;
    for (let sequence = 0; sequence < 200; sequence += 1) {
      await history.publish(bus, topic, { data: { user: `user-${sequence % 9}`, sequence } });
    }
    await warnings.first((what) => what.includes('gives back what it holds on rabbitmq'));
    await starts.atLeast(2);
    await history.publish(bus, topic, { data: { user: 'user-1', sequence: 200 } });
    const held = bus.health().consumers.usage?.legs.rabbitmq?.unsettled ?? Number.NaN;
    expect(held).toBeLessThanOrEqual(HELD_IN_TROUBLE);
    state.isDown = false;
    const effects = () => history.items.filter(({ type }) => type === 'effect').length;
    while (effects() < 201) await history.atLeast(history.items.length + 1);
    await bus.close();
    expect(checkHistory(history.items)).toEqual([]);
    expect([effects(), starts.items.length]).toEqual([201, 2]);
  }, 90_000);
});
