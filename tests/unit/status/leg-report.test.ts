import { expect, test } from '@jest/globals';
import type { Survey } from '../../../src/contract/survey.js';
import { legReport } from '../../../src/handover/leg-report.js';

const survey = (changes: Partial<Survey> = {}): Survey => ({
  waiting: 0,
  unsettled: null,
  oldestAtMs: null,
  retries: 0,
  deadLetters: 0,
  readers: 1,
  ...changes,
});

const kafka = { broker: 'kafka', nowMs: 10_000, retains: true } as const;
const queue = { broker: 'rabbitmq', nowMs: 10_000, retains: false, isFed: false } as const;
const fed = { ...kafka, isFed: true };
const other = { ...kafka, isFed: false };

test('the leg that the flag names is live, whatever waits there', () => {
  expect(legReport(fed, { survey: survey() }).state).toBe('live');
  expect(legReport(fed, { survey: survey({ waiting: 3 }) }).state).toBe('live');
});

test.each([{ waiting: 1 }, { unsettled: 1 }, { retries: 1 }])(
  'the other leg drains while %p is left',
  (left) => {
    expect(legReport(queue, { survey: survey(left) }).state).toBe('draining');
  },
);

test('on a log only copies drain: the position of an idle group stands still', () => {
  expect(legReport(other, { survey: survey({ waiting: 9 }) }).state).toBe('idle');
  expect(legReport(other, { survey: survey({ waiting: 9, retries: 1 }) }).state).toBe('draining');
});

test('the other leg is idle when nobody reads what is left', () => {
  expect(legReport(queue, { survey: survey({ waiting: 1, readers: 0 }) }).state).toBe('idle');
});

test('the other leg is idle when only dead letters are left', () => {
  expect(legReport(other, { survey: survey({ deadLetters: 2 }) }).state).toBe('idle');
});

test('a leg without its place is absent, and no clock makes an age below 0', () => {
  expect(legReport(fed, { survey: survey({ waiting: null }) }).state).toBe('absent');
  expect(legReport(fed, { survey: survey({ oldestAtMs: 4_000 }) }).oldestAgeMs).toBe(6_000);
  expect(legReport(fed, { survey: survey({ oldestAtMs: 11_000 }) }).oldestAgeMs).toBe(0);
});

test('of a leg that was not seen the reason is told and no number', () => {
  expect(legReport(fed, { reason: 'away' })).toEqual({
    broker: 'kafka',
    state: 'unreachable',
    waiting: null,
    unsettled: null,
    oldestAgeMs: null,
    retries: null,
    deadLetters: null,
    readers: null,
    reason: 'away',
  });
});
