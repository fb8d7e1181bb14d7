import type { InboxCopy } from '../../../src/contract/inbox.js';

/** A copy of a message. */
export const copyOf = (id: string, attempt = 1, generation = 0): InboxCopy => ({ id, generation, attempt });
