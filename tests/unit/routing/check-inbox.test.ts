import { expect, test } from '@jest/globals';
import { defineConsumer } from '../../../src/contract/define-consumer.js';
import { defineTopic } from '../../../src/contract/define-topic.js';
import type { Inbox } from '../../../src/contract/inbox.js';
import { memoryInbox } from '../../../src/inbox/memory-inbox.js';
import { checkInbox } from '../../../src/routing/check-inbox.js';

const DAY_MS = 86_400_000;
const LIMITS = { maxMessageAgeMs: 7 * DAY_MS, maxReplayAgeMs: 14 * DAY_MS };
const shared = (ttlMs: number): Inbox => ({ ...memoryInbox(), isShared: true, ttlMs });

const consumerOf = (options: object) =>
  defineConsumer({
    name: 'billing',
    topic: defineTopic({ name: 'orders' }),
    group: 'billing-group',
    handle: () => undefined,
    ...options,
  });

test('an inbox that forgets too soon is refused with one error that names every setting', () => {
  const consumer = consumerOf({ retry: { deferred: ['5s', '1h'], maxAge: '2d' } });
  const neededMs = 23 * DAY_MS + 3_600_000;
  expect(() => checkInbox(consumer, shared(neededMs + 1), LIMITS)).not.toThrow();
  expect(() => checkInbox(consumer, shared(neededMs), LIMITS)).toThrow(
    expect.objectContaining({
      code: 'BC_CONFIG_INVALID',
      message: expect.stringMatching(
        /ttl.*maxMessageAge \(7d\).*retry span of "billing" \(49h.*deadLetters.maxReplayAge \(14d\) = 553h/,
      ),
    }),
  );
});

test('nothing is asked of the memory of one process, nor for a consumer without an inbox', () => {
  expect(() => checkInbox(consumerOf({}), memoryInbox(), LIMITS)).not.toThrow();
  expect(() => checkInbox(consumerOf({}), null, LIMITS)).not.toThrow();
  expect(() => checkInbox(consumerOf({ inbox: false }), shared(1), LIMITS)).not.toThrow();
});

test.each([
  ['is a store without transactions', memoryInbox()],
  ['is not given', null],
])('transactions are refused where the inbox %s, naming both settings', (what, inbox) => {
  const consumer = consumerOf({ inbox: { transaction: true } });
  expect(() => checkInbox(consumer, inbox, LIMITS)).toThrow(
    `"billing": inbox.transaction is true, but the option inbox of createBus ${what}`,
  );
});
