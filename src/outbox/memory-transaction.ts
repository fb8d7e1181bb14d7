import type { TransactionSession } from '../contract/transaction-session.js';
import { noTransaction } from './outbox-errors.js';

/** A transaction of a memory outbox: what is published with it is there all at once, at `commit`, or never. */
export interface MemoryTransaction {
  /** What `publish` takes. */
  readonly session: TransactionSession;
  readonly isOpen: boolean;
  /** Throws BC_TRANSACTION_REQUIRED when it is over already. */
  commit(): void;
  /** Idempotent. */
  abort(): void;
}

/** What a transaction does at its end. */
export interface TransactionEnd {
  readonly onCommit: () => void;
  readonly onAbort: () => void;
}

/** Opens a transaction. */
export function openMemoryTransaction({ onCommit, onAbort }: TransactionEnd): MemoryTransaction {
  let isOpen = true;
  const end = (tell: () => void): void => {
    isOpen = false;
    tell();
  };
  return {
    // Its type is that of the database client in use, which a store in memory has none of: only its identity counts.
    session: Object.freeze({}) as TransactionSession,
    get isOpen() {
      return isOpen;
    },
    commit() {
      if (!isOpen) throw noTransaction();
      end(onCommit);
    },
    abort() {
      if (isOpen) end(onAbort);
    },
  };
}
