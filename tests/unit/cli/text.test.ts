import { expect, test } from '@jest/globals';
import { cutFrame } from '../../../src/cli/text.js';

test('a frame that is too long keeps its function, file and line', () => {
  const frame = 'Object.handle (/srv/releases/2026-11-25/packages/billing/src/mail/send.ts:31:11)';
  expect(cutFrame(frame, 40)).toMatch(/^Object\.handle \(….*\/send\.ts:31:11\)$/);
  expect(cutFrame(frame, 40)).toHaveLength(40);
  expect(cutFrame('send (/app/mail.js:3:9)', 40)).toBe('send (/app/mail.js:3:9)');
});

test('a frame without a function is cut in front, one whose function fills the line behind', () => {
  expect(cutFrame('/srv/releases/2026-11-25/send.ts:31:11', 20)).toBe('…11-25/send.ts:31:11');
  expect(cutFrame(`${'a'.repeat(40)} (/app/mail.js:3:9)`, 20)).toBe(`${'a'.repeat(19)}…`);
});
