import type { InboxClaim, InboxCopy } from '../../../src/contract/inbox.js';

/** A copy of a message. */
export const copyOf = (id: string, attempt = 1, generation = 0): InboxCopy => ({ id, generation, attempt });

/** The copies, as claimed under one token. */
export const heldBy = (copies: readonly InboxCopy[], token: string): InboxClaim[] =>
  copies.map((copy) => ({ copy, token }));
