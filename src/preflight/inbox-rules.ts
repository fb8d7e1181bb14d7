import type { Finding } from '../contract/setup-check.js';
import type { CheckContext } from './check-context.js';
import { finding } from './finding.js';

/** What is to say about the inbox. Its store is looked at when the bus starts: nothing is made before. */
export function inboxFindings({ inbox, hasTwoBrokers }: CheckContext): Finding[] {
  const where = 'inbox of createBus';
  if (inbox === null) return [finding('inbox-none', { where, found: 'none', expected: 'a shared inbox' })];
  if (inbox.isShared || !hasTwoBrokers) return [];
  return [finding('inbox-in-memory', { where, found: 'a memory inbox', expected: 'a shared inbox' })];
}
