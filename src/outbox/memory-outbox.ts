import type { BrokerName } from '../contract/message.js';
import type { Outbox, OutboxLane, OutboxRow } from '../contract/outbox.js';
import type { TransactionSession } from '../contract/transaction-session.js';
import { memoryBoard } from './memory-board.js';
import { type MemoryTransaction, openMemoryTransaction } from './memory-transaction.js';
import { duplicate, noTransaction } from './outbox-errors.js';

/** An outbox in memory, with transactions of its own. */
export interface MemoryOutbox extends Outbox {
  /** Opens a transaction. */
  begin(): MemoryTransaction;
  /** Committed rows that some broker lacks. */
  readonly size: number;
}

/** A committed row and what became of it. */
interface Kept {
  readonly row: OutboxRow;
  readonly waiting: Set<BrokerName>;
  readonly parked: Set<BrokerName>;
}

/** Most that a backlog counts. */
const MAX_COUNT = 10_000;

/**
 * An outbox for tests: it shows everything that an outbox in a database shows, but nothing outlives the process, and no
 * write of the caller's is a part of its transactions. Several buses may share one.
 */
export function memoryOutbox(): MemoryOutbox {
  const kept = new Map<string, Kept>();
  /** Ids of open transactions too. */
  const taken = new Set<string>();
  const staged = new WeakMap<
    object,
    { readonly rows: OutboxRow[]; readonly transaction: MemoryTransaction }
  >();

  const begin = (): MemoryTransaction => {
    const rows: OutboxRow[] = [];
    const transaction = openMemoryTransaction({
      onCommit: () => {
        for (const row of rows) {
          kept.set(row.rowId, { row, waiting: new Set(row.brokers), parked: new Set() });
        }
      },
      onAbort: () => {
        for (const { rowId } of rows) taken.delete(rowId);
      },
    });
    staged.set(transaction.session, { rows, transaction });
    return transaction;
  };

  const add = (row: OutboxRow, session: TransactionSession): void => {
    const open = typeof session === 'object' && session !== null ? staged.get(session) : undefined;
    if (open === undefined || !open.transaction.isOpen) throw noTransaction();
    if (taken.has(row.rowId)) {
      open.transaction.abort();
      throw duplicate(row);
    }
    taken.add(row.rowId);
    open.rows.push(row);
  };

  const settle = (one: Kept, broker: BrokerName): void => {
    one.waiting.delete(broker);
    if (one.waiting.size > 0 || one.parked.size > 0) return;
    kept.delete(one.row.rowId);
    taken.delete(one.row.rowId);
  };

  return {
    ...memoryBoard(),
    begin,
    get size() {
      return kept.size;
    },
    start: () => undefined,
    close: () => undefined,
    add,
    read({ broker, lanes, limit, except }) {
      const found: OutboxRow[] = [];
      for (const { row, waiting } of kept.values()) {
        if (found.length === limit) break;
        if (!waiting.has(broker) || !lanes.includes(row.lane) || except.includes(row.order)) continue;
        found.push({ ...row, brokers: [...waiting] });
      }
      return found;
    },
    markStored(broker, rows) {
      for (const { rowId } of rows) {
        const one = kept.get(rowId);
        if (one !== undefined) settle(one, broker);
      }
    },
    park(broker, { rowId }) {
      const one = kept.get(rowId);
      if (one?.waiting.delete(broker)) one.parked.add(broker);
    },
    reopen(lanes) {
      let count = 0;
      for (const one of kept.values()) count += reopenIn(one, lanes);
      return count;
    },
    backlog(broker) {
      const waiting = [...kept.values()].filter((one) => one.waiting.has(broker));
      const parked = [...kept.values()].filter((one) => one.parked.has(broker));
      const times = waiting.map(({ row }) => row.message.timestampMs);
      return {
        pending: Math.min(MAX_COUNT, waiting.length),
        parked: Math.min(MAX_COUNT, parked.length),
        oldestAtMs: times.length === 0 ? null : Math.min(...times),
      };
    },
  };
}

function reopenIn({ row, waiting, parked }: Kept, lanes: readonly OutboxLane[] | undefined): number {
  let count = 0;
  for (const broker of [...parked]) {
    if (lanes?.some((one) => one.broker === broker && one.lane === row.lane) === false) continue;
    parked.delete(broker);
    waiting.add(broker);
    count += 1;
  }
  return count;
}
