import type { Channel } from 'amqplib/callback_api';
import type { Clock } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import { requestError } from './errors.js';
import type { OpenConnection } from './open-connection.js';

/** What a deadline of a request needs. */
export interface RequestBounds {
  readonly clock: Clock;
  /** A request without an answer for so long ends its connection, ms. */
  readonly timeoutMs: number;
}

type Callback<T> = (error: unknown, answer?: T) => void;

/** A channel whose every request has a deadline. Errors are BuscouplerErrors with amqplib's as their cause. */
export class RpcChannel<Client extends Channel> {
  readonly client: Client;
  readonly connection: OpenConnection;
  readonly #bounds: RequestBounds;
  /** False from the moment at which server, client or connection closed it. */
  isOpen = true;
  /** Why the server closed it. */
  closeReason: unknown;

  private constructor(connection: OpenConnection, client: Client, bounds: RequestBounds) {
    this.connection = connection;
    this.client = client;
    this.#bounds = bounds;
    // An `error` event without a listener would end the process.
    client.on('error', (error) => {
      this.closeReason = error;
    });
    client.on('close', () => {
      this.isOpen = false;
    });
  }

  /** Opens a channel through `create`, which must call amqplib synchronously. */
  static async open<Client extends Channel>(
    connection: OpenConnection,
    create: (callback: Callback<Client>) => Client,
    bounds: RequestBounds,
  ): Promise<RpcChannel<Client>> {
    let channel: RpcChannel<Client> | null = null;
    await request(connection, 'Opening a channel', bounds, (callback: Callback<Client>) => {
      channel = new RpcChannel(connection, create(callback), bounds);
    });
    return channel as unknown as RpcChannel<Client>;
  }

  /** One request. `what` begins the sentence of its failure; the connection is destroyed when no answer comes. */
  call<T>(what: string, start: (callback: Callback<T>) => void): Promise<T> {
    return request(this.connection, what, this.#bounds, start);
  }

  /** Closes it, after everything that was sent on it before. Never rejects. */
  async close(): Promise<void> {
    if (!this.isOpen || !this.connection.isOpen) return;
    await this.call<void>('Closing a channel', (callback) => {
      this.client.once('close', () => callback(null));
      this.client.close();
    }).catch(() => undefined);
  }
}

function request<T>(
  connection: OpenConnection,
  what: string,
  { clock, timeoutMs }: RequestBounds,
  start: (callback: Callback<T>) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(() => {
      const error = new BuscouplerError(
        'BC_BROKER_UNAVAILABLE',
        `${what} was not answered within ${timeoutMs} ms.`,
      );
      // A blocked connection is not read by the server: that silence is no sign of death.
      if (!connection.isBlocked) connection.destroy(error);
      reject(error);
    }, timeoutMs);
    const finish: Callback<T> = (error, answer) => {
      timer.cancel();
      if (error) reject(requestError(error, what));
      else resolve(answer as T);
    };
    try {
      start(finish);
    } catch (error) {
      finish(error);
    }
  });
}

/** A channel for one job that may fail: a refused declaration closes its channel, so it must not be one in use. */
export async function onThrowAwayChannel<T>(
  connection: OpenConnection,
  bounds: RequestBounds,
  use: (channel: RpcChannel<Channel>) => Promise<T>,
): Promise<T> {
  const channel = await RpcChannel.open<Channel>(
    connection,
    (callback) => connection.client.createChannel(callback),
    bounds,
  );
  try {
    return await use(channel);
  } finally {
    await channel.close();
  }
}
