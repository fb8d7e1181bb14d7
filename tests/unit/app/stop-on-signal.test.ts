import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import { stopOnSignals } from '../../../src/app/stop-on-signal.js';

/** A process that notes how it is ended, and whose time the test turns. */
function watch() {
  const events = new EventEmitter();
  const seen: (string | number)[] = [];
  const time = { nowMs: 0 };
  const process = { on: events.on.bind(events), exit: (code: number) => void seen.push(code) };
  stopOnSignals(
    process,
    (signal) => seen.push(signal),
    () => time.nowMs,
  );
  return { seen, time, send: (signal: 'SIGINT' | 'SIGTERM') => void events.emit(signal) };
}

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('the first signal stops in order, a second %s ends at once with %d', (second, code) => {
  const { seen, time, send } = watch();
  send('SIGTERM');
  time.nowMs = 1_000;
  send(second);
  expect(seen).toEqual(['SIGTERM', code]);
});

test('one Ctrl-C that npm passes on once more is one signal', () => {
  const { seen, time, send } = watch();
  send('SIGINT');
  time.nowMs = 199;
  send('SIGINT');
  expect(seen).toEqual(['SIGINT']);
});
