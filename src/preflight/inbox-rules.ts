import type { Look, StoreInspection } from '../contract/inspection.js';
import type { Finding } from '../contract/setup-check.js';
import type { CheckContext } from './check-context.js';
import type { CheckId } from './checks.js';
import { clockFindings } from './clock-rule.js';
import { finding, showMs, whatOf } from './finding.js';

const WHERE = 'inbox of createBus';

const seen = (id: CheckId, found: string, expected: string): Finding =>
  finding(id, { where: WHERE, found, expected });

/** What was seen of an inbox. */
export interface InboxLook {
  /** `null`: there is no store to see. */
  readonly store: Look<StoreInspection> | null;
  /** By consumer: what the store says to its transactions. */
  readonly transactions: readonly { readonly consumer: string; readonly look: Look<true> }[];
}

/** Everything that is to say about the inbox. */
export function inboxFindings(context: CheckContext, { store, transactions }: InboxLook): Finding[] {
  const { inbox, hasTwoBrokers } = context;
  if (inbox === null) return [seen('inbox-none', 'none', 'a shared inbox')];
  if (!inbox.isShared) {
    return hasTwoBrokers ? [seen('inbox-in-memory', 'a memory inbox', 'a shared inbox')] : [];
  }
  if (store === null) return [];
  if (store.status === 'unknown') return [seen('inbox-unreachable', whatOf(store.error), 'an answer')];
  return [
    ...storeFindings(store.value, inbox.ttlMs),
    ...transactions.flatMap(({ consumer, look }) =>
      look.status === 'seen'
        ? []
        : [seen('inbox-transactions', whatOf(look.error), `transactions for ${consumer}`)],
    ),
  ];
}

function storeFindings({ isReplicated, keptMs, clockAheadMs }: StoreInspection, ttlMs: number): Finding[] {
  return [
    ...(isReplicated ? [] : [seen('inbox-not-replicated', 'a server alone', 'a replica set')]),
    ...(keptMs !== null && keptMs < ttlMs
      ? [seen('inbox-ttl-short', `kept for ${showMs(keptMs)}`, `at least its ttl, ${showMs(ttlMs)}`)]
      : []),
    ...clockFindings(WHERE, clockAheadMs),
  ];
}
