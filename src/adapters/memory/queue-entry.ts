import type { IncomingMessage } from '../../contract/message.js';
import { copyHeaders } from '../../messages/headers.js';

/** One message in one queue. */
export class QueueEntry {
  message: IncomingMessage;
  readonly bytes: number;
  /** Place in the order of the queue. */
  readonly sequence: number;
  readonly expiresAtMs: number;
  /** How often it was handed over and came back. */
  returns = 0;

  constructor(
    message: IncomingMessage,
    facts: { readonly bytes: number; readonly sequence: number; readonly expiresAtMs: number },
  ) {
    this.message = message;
    this.bytes = facts.bytes;
    this.sequence = facts.sequence;
    this.expiresAtMs = facts.expiresAtMs;
  }

  /** Marks it as quorum queues mark a message that came back. */
  comeBack(): void {
    this.returns += 1;
    const headers = copyHeaders(this.message.headers);
    headers['x-delivery-count'] = this.returns;
    this.message = { ...this.message, headers, isRedelivered: true };
  }
}
