import type { Channel } from 'amqplib/callback_api';
import { BuscouplerError } from '../../contract/errors.js';
import type { OpenConnection } from './open-connection.js';
import { onThrowAwayChannel, type RequestBounds, type RpcChannel } from './rpc-channel.js';

/** A connection and its deadlines: everything that asks the server about places. */
export interface PlaceAccess {
  readonly connection: OpenConnection;
  readonly bounds: RequestBounds;
}

/** What the server says of a queue; both counts are best effort and zero proves nothing. */
export interface QueueCounts {
  readonly messageCount: number;
  readonly consumerCount: number;
}

type Use<T> = (channel: RpcChannel<Channel>) => Promise<T>;

/** A job on a channel of its own: whatever it is refused closes only that channel. */
const ask = <T>({ connection, bounds }: PlaceAccess, use: Use<T>): Promise<T> =>
  onThrowAwayChannel(connection, bounds, use);

/** Rejects with BC_PLACE_MISSING or BC_PERMISSION. The default exchange always exists and cannot be asked for. */
export async function checkExchange(access: PlaceAccess, exchange: string): Promise<void> {
  if (exchange === '') return;
  await ask(access, (channel) =>
    channel.call(`Looking for the exchange "${exchange}"`, (callback) =>
      channel.client.checkExchange(exchange, callback),
    ),
  );
}

/** Rejects with BC_PLACE_MISSING, BC_PERMISSION, or BC_PLACE_CONFLICT (exclusive to another connection). */
export const checkQueue = (access: PlaceAccess, queue: string): Promise<QueueCounts> =>
  ask(access, (channel) =>
    channel.call<QueueCounts>(`Looking for the queue "${queue}"`, (callback) =>
      channel.client.checkQueue(queue, callback),
    ),
  );

/** Whether a passive check finds the place; rejects when it cannot tell. */
export async function exists(check: Promise<unknown>): Promise<boolean> {
  try {
    await check;
    return true;
  } catch (error) {
    if (error instanceof BuscouplerError && error.code === 'BC_PLACE_MISSING') return false;
    throw error;
  }
}

/** A durable exchange. An existing one of another type is a BC_PLACE_CONFLICT in the server's words. */
export const declareExchange = (access: PlaceAccess, exchange: string, type: string): Promise<unknown> =>
  ask(access, (channel) =>
    channel.call(`Declaring the ${type} exchange "${exchange}"`, (callback) =>
      channel.client.assertExchange(exchange, type, { durable: true }, callback),
    ),
  );

/** A durable queue with these arguments. An existing one with others is a BC_PLACE_CONFLICT in the server's words. */
export const declareQueue = (
  access: PlaceAccess,
  queue: string,
  args: Readonly<Record<string, string | number>>,
): Promise<unknown> =>
  ask(access, (channel) =>
    channel.call(`Declaring the queue "${queue}"`, (callback) =>
      channel.client.assertQueue(queue, { durable: true, arguments: args }, callback),
    ),
  );

/** One binding: by key, or by headers. */
export interface Binding {
  readonly queue: string;
  readonly exchange: string;
  readonly key: string;
  readonly args: Readonly<Record<string, string>>;
}

/** Binds; a binding that is there already stays one binding. */
export const bind = (access: PlaceAccess, binding: Binding): Promise<unknown> =>
  ask(access, (channel) =>
    channel.call(`Binding the queue "${binding.queue}" to the exchange "${binding.exchange}"`, (callback) =>
      channel.client.bindQueue(binding.queue, binding.exchange, binding.key, binding.args, callback),
    ),
  );
