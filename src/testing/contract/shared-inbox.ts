import type { Inbox } from '../../contract/inbox.js';
import { memoryInbox } from '../../inbox/memory-inbox.js';

/** Longer than a rig's buses may be asked to remember, ms. */
const TTL_MS = 30 * 86_400_000;

/** An inbox that several buses and desks of one case share, as they would share a store. */
export const sharedInbox = (): Inbox => ({ ...memoryInbox({ ttlMs: TTL_MS }), isShared: true });
