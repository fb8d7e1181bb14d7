import { expect, test } from '@jest/globals';
import { BuscouplerError } from '../../../src/contract/errors.js';
import type { Look, StoreInspection } from '../../../src/contract/inspection.js';
import { type InboxLook, inboxFindings } from '../../../src/preflight/inbox-rules.js';
import { CONTEXT, seen } from './facts.js';

const refused: Look<never> = {
  status: 'unknown',
  error: new BuscouplerError('BC_TRANSACTIONS_UNSUPPORTED', 'MongoDB runs alone.'),
};

const store = (changes: Partial<StoreInspection> = {}): InboxLook => ({
  store: seen({ isReplicated: true, keptMs: 30 * 86_400_000, clockAheadMs: 12.5, ...changes }),
  transactions: [{ consumer: 'billing', look: seen(true) }],
});

const idsOf = (look: InboxLook, context = CONTEXT): string[] =>
  inboxFindings(context, look).map(({ id }) => id);

test('a good store has no findings, whether anything was made in it or not', () => {
  expect(idsOf(store())).toEqual([]);
  expect(idsOf(store({ keptMs: null }))).toEqual([]);
  expect(idsOf({ store: null, transactions: [] })).toEqual([]);
});

test.each<[string, InboxLook]>([
  ['inbox-unreachable', { store: refused, transactions: [] }],
  ['inbox-not-replicated', store({ isReplicated: false })],
  ['inbox-ttl-short', store({ keptMs: 29 * 86_400_000 })],
  ['clock-skew', store({ clockAheadMs: 60_000 })],
  ['clock-skew', store({ clockAheadMs: -60_000 })],
  ['inbox-transactions', { ...store(), transactions: [{ consumer: 'billing', look: refused }] }],
])('finds %s, and nothing else', (id, look) => {
  expect(idsOf(look)).toEqual([id]);
});

test('a memory inbox is a fault where consumers can move', () => {
  const inbox = { ttlMs: 1_000, isShared: false };
  const nothing: InboxLook = { store: null, transactions: [] };
  expect(idsOf(nothing, { ...CONTEXT, inbox })).toEqual(['inbox-in-memory']);
  expect(idsOf(nothing, { ...CONTEXT, inbox, hasTwoBrokers: false })).toEqual([]);
  expect(idsOf(nothing, { ...CONTEXT, inbox: null })).toEqual(['inbox-none']);
});
