import { BuscouplerError } from '../contract/errors.js';
import type { OutboxRow } from '../contract/outbox.js';

/** The error of a session without an open transaction of this outbox' store; `why` is a clause. */
export const noTransaction = (why = 'has no open transaction', cause?: unknown): BuscouplerError =>
  new BuscouplerError('BC_TRANSACTION_REQUIRED', `The session ${why}.`, cause === undefined ? {} : { cause });

/** The error of an id that is in the outbox for this topic already. */
export const duplicate = ({ topic, message }: OutboxRow, cause?: unknown): BuscouplerError =>
  new BuscouplerError(
    'BC_OUTBOX_DUPLICATE',
    `Message ${message.id} for topic "${topic}" is in the outbox already.`,
    cause === undefined ? {} : { cause },
  );
