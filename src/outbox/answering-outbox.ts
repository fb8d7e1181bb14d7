import { type AnswerLimit, answerWithin } from '../contract/answer-within.js';
import type { Clock } from '../contract/clock.js';
import type { Awaitable } from '../contract/inbox.js';
import type { Outbox } from '../contract/outbox.js';
import { isThenable } from '../messages/thenable.js';

/** Longest wait for one answer of an outbox that does not say its own, ms. */
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * The same outbox, each answer of which is there within its `timeoutMs`, or else BC_OUTBOX_UNAVAILABLE. Those that are there
 * at once stay so. What is asked of it may happen all the same.
 */
export function answeringOutbox(outbox: Outbox, clock: Clock): Outbox {
  const { timeoutMs = ANSWER_TIMEOUT_MS } = outbox;
  const limit: AnswerLimit = { clock, timeoutMs, store: 'The outbox', code: 'BC_OUTBOX_UNAVAILABLE' };
  const within = <Answer>(answer: Awaitable<Answer>): Awaitable<Answer> =>
    isThenable<Answer>(answer) ? answerWithin(limit, answer) : answer;
  return {
    timeoutMs,
    start: () => within(outbox.start()),
    close: () => within(outbox.close()),
    add: (row, session) => within(outbox.add(row, session)),
    read: (wanted) => within(outbox.read(wanted)),
    markStored: (broker, rows) => within(outbox.markStored(broker, rows)),
    park: (broker, row, reason) => within(outbox.park(broker, row, reason)),
    reopen: (lanes) => within(outbox.reopen(lanes)),
    backlog: (broker) => within(outbox.backlog(broker)),
    renew: (relay) => within(outbox.renew(relay)),
    take: (token, seen) => within(outbox.take(token, seen)),
    release: (token, lanes, isLeaving) => within(outbox.release(token, lanes, isLeaving)),
  };
}
