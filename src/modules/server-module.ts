import type { CreateBusOptions, MessageBus } from '../index.js';

/** A part of the server. It knows the bus only, never a broker. */
export interface ServerModule<Publisher> {
  readonly topics: NonNullable<CreateBusOptions['topics']>;
  readonly consumers: NonNullable<CreateBusOptions['consumers']>;
  /** Makes what its store needs, collections and indexes; idempotent, before the bus starts. */
  prepare(): Promise<void>;
  /** What it publishes, on this bus. */
  publisher(bus: MessageBus): Publisher;
}
