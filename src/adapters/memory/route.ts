import type { PublishOutcome } from '../../contract/broker.js';
import type { OutgoingMessage } from '../../contract/message.js';

/** Where a publish goes: one place of the embedded broker. */
export interface Route {
  /** Name of the place, by which faults find it. */
  readonly place: string;
  readonly maxMessageBytes: number;
  /** Stores one message of so many bytes, or says why not. Never throws. */
  store(message: OutgoingMessage, bytes: number): PublishOutcome;
}
