import type { InboxCopy } from '../contract/inbox.js';
import type { IncomingMessage } from '../contract/message.js';
import { HEADERS } from '../messages/header-names.js';
import { readInteger } from '../messages/headers.js';

const REPLAYS = { min: 0, fallback: 0 };
const ATTEMPTS = { min: 1, fallback: 1 };

/** What the inbox is asked about a delivery, whichever leg asks. `id`: what `identityOf` says of it, or a new one. */
export const copyOf = ({ headers }: IncomingMessage, id: string): InboxCopy => ({
  id,
  generation: readInteger(headers, HEADERS.replayCount, REPLAYS),
  attempt: readInteger(headers, HEADERS.attempt, ATTEMPTS),
});

/** Of what has not begun. */
export const NO_COPY: InboxCopy = Object.freeze({ id: '', generation: 0, attempt: 1 });
