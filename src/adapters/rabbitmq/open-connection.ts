import type { Connection } from 'amqplib/callback_api';
import { BuscouplerError } from '../../contract/errors.js';
import { replyCodeOf, serverWords, textOf } from './errors.js';

/** How a connection ended. */
export interface Loss {
  readonly error: BuscouplerError;
  /** With what code the server closed it; `null` if it did not. */
  readonly replyCode: number | null;
  /** The client choked on bytes that it received: a message in one of the queues kills whoever receives it. */
  readonly isPoison: boolean;
}

/** Who is told about a connection; at most one. */
export interface ConnectionWatcher {
  lost(loss: Loss): void;
  blocked(reason: string): void;
  unblocked(): void;
}

/** Errors of the socket and of the peer's silence; everything else that ends a connection came from parsing. */
const SOCKET_TROUBLE = /Unexpected close|Heartbeat timeout|Socket closed|aborted|by client/;

function readLoss(thrown: unknown): Loss {
  const replyCode = replyCodeOf(thrown);
  const hasSocketCode = typeof (thrown as { code?: unknown } | null | undefined)?.code === 'string';
  const text = thrown === undefined ? 'closed by client' : textOf(thrown);
  const isPoison = replyCode === null && !hasSocketCode && !SOCKET_TROUBLE.test(text);
  const what = isPoison
    ? `RabbitMQ sent a message that the client cannot read (${text}); the connection is lost.`
    : `The connection to RabbitMQ was lost: ${serverWords(thrown ?? text)}.`;
  return {
    error: new BuscouplerError('BC_BROKER_UNAVAILABLE', what, { cause: thrown }),
    replyCode,
    isPoison,
  };
}

/** A connection after its handshake. It ends once, by itself, by {@link destroy} or by {@link close}. */
export class OpenConnection {
  readonly client: Connection;
  /** Version of the server, as it says; empty if it does not. */
  readonly serverVersion: string;
  isOpen = true;
  isBlocked = false;
  readonly #socket: AbortController;
  #watcher: ConnectionWatcher | null = null;
  #loss: Loss | null = null;
  #lastError: unknown;

  /** Listens at once: what happens before the caller's next tick must not be missed. */
  constructor(client: Connection, socket: AbortController) {
    this.client = client;
    this.#socket = socket;
    this.serverVersion = String(client.connection.serverProperties?.version ?? '');
    client.on('error', (error) => {
      this.#lastError = error;
    });
    client.on('close', (error) => this.#end(readLoss(error ?? this.#lastError)));
    client.on('blocked', (reason) => {
      this.isBlocked = true;
      this.#watcher?.blocked(String(reason));
    });
    client.on('unblocked', () => {
      this.isBlocked = false;
      this.#watcher?.unblocked();
    });
  }

  /** Largest frame that both sides agreed on, bytes. amqplib keeps it without declaring it. */
  get frameMax(): number {
    return (this.client.connection as { frameMax?: number }).frameMax ?? 131_072;
  }

  watch(watcher: ConnectionWatcher): void {
    this.#watcher = watcher;
    if (this.#loss !== null) watcher.lost(this.#loss);
  }

  /** Ends it now: the peer does not answer, or answered nonsense. Watchers are told before this returns. */
  destroy(error: BuscouplerError): void {
    this.#end({ error, replyCode: null, isPoison: false });
  }

  /** Says goodbye and waits for the answer until `withinMs`, a promise of the caller's clock; then cuts. */
  async close(within: Promise<void>): Promise<void> {
    if (!this.isOpen) return;
    this.#watcher = null;
    const answered = new Promise<void>((resolve) => {
      try {
        this.client.close(() => resolve());
      } catch {
        resolve(); // it closed in this very moment
      }
    });
    await Promise.race([answered, within]);
    this.#end(readLoss(undefined));
  }

  #end(loss: Loss): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#loss = loss;
    // amqplib only half-closes: a peer that is gone would leave the socket behind
    this.#socket.abort();
    this.#watcher?.lost(loss);
  }
}
