import { noTransaction } from './outbox-errors.js';

declare module '../contract/transaction-session.js' {
  interface TransactionSessions {
    /** Of `memoryOutbox()`. */
    memory: MemorySession;
  }
}

/** A transaction of a memory outbox: what is published with it is there all at once, at `commit`, or never. */
export interface MemorySession {
  readonly isOpen: boolean;
  /** Throws BC_TRANSACTION_REQUIRED when it is over already. */
  commit(): void;
  /** Idempotent. */
  abort(): void;
}

/** What a session does at its end. */
export interface SessionEnd {
  readonly onCommit: () => void;
  readonly onAbort: () => void;
}

/** Opens a session. */
export function openMemorySession({ onCommit, onAbort }: SessionEnd): MemorySession {
  let isOpen = true;
  const end = (tell: () => void): void => {
    isOpen = false;
    tell();
  };
  return {
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
