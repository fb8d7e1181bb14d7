import { type Connection, connect } from 'amqplib/callback_api';
import type { Clock } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { RabbitmqSettings } from '../../contract/settings.js';
import type { Address } from './address.js';
import { OpenConnection } from './open-connection.js';

/** What {@link dial} needs. */
export interface DialOptions {
  readonly settings: RabbitmqSettings;
  readonly address: Address;
  /** What the connection is for, as the management UI shows it. */
  readonly role: 'publisher' | 'consumer' | 'letters';
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Bytes that a socket buffers before it asks to wait. */
const WRITE_BUFFER_BYTES = 256 * 1024;

/** amqplib takes `signal` through to the socket although its types do not say so: aborting destroys the socket. */
function socketOptions({ settings, address, role }: DialOptions, signal: AbortSignal): object {
  const tls = settings.tls;
  return {
    signal,
    noDelay: true,
    // Room for a window of messages: amqplib stops filling it at this mark.
    highWaterMark: WRITE_BUFFER_BYTES,
    writableHighWaterMark: WRITE_BUFFER_BYTES,
    keepAlive: true,
    keepAliveDelay: 30_000,
    clientProperties: { connection_name: `${settings.clientId} ${role}` },
    ...(address.isTls && tls !== undefined
      ? {
          ...(tls.ca !== undefined && { ca: tls.ca }),
          ...(tls.cert !== undefined && { cert: tls.cert }),
          ...(tls.key !== undefined && { key: tls.key }),
          ...(tls.passphrase !== undefined && { passphrase: tls.passphrase }),
          ...(tls.serverName !== undefined && { servername: tls.serverName }),
          ...(tls.rejectUnauthorized === false && { rejectUnauthorized: false }),
        }
      : {}),
  };
}

function amqpOptions({ settings, address }: DialOptions): object {
  return {
    protocol: address.isTls ? 'amqps' : 'amqp',
    hostname: address.hostname,
    port: address.port,
    username: address.username,
    password: address.password,
    // amqplib percent-decodes it once more
    vhost: encodeURIComponent(address.vhost),
    heartbeat: settings.heartbeatSeconds,
  };
}

/**
 * One attempt to connect to one server, within `connectionTimeoutMs` (TCP, TLS and AMQP handshake together; amqplib has
 * an idle timeout only). Rejects with what amqplib or Node.js threw.
 */
export function dial(options: DialOptions): Promise<OpenConnection> {
  const { settings, address, clock } = options;
  const socket = new AbortController();
  return new Promise((resolve, reject) => {
    let isDone = false;
    const finish = (act: () => void): void => {
      if (isDone) return;
      isDone = true;
      timer.cancel();
      options.signal.removeEventListener('abort', onAbort);
      act();
    };
    const giveUp = (error: unknown): void =>
      finish(() => {
        reject(error as Error);
        socket.abort();
      });
    const onAbort = (): void =>
      giveUp(new BuscouplerError('BC_BROKER_UNAVAILABLE', `Connecting to ${address.text} was given up.`));
    const timer = clock.schedule(
      () => {
        const what = `${address.text} did not complete the AMQP handshake within ${settings.connectionTimeoutMs} ms.`;
        giveUp(new BuscouplerError('BC_BROKER_UNAVAILABLE', what));
      },
      settings.connectionTimeoutMs,
      { keepAlive: true },
    );
    options.signal.addEventListener('abort', onAbort);
    if (options.signal.aborted) {
      onAbort();
      return;
    }
    try {
      // amqplib calls back more than once when a socket dies in the handshake
      connect(
        amqpOptions(options),
        socketOptions(options, socket.signal),
        (error: unknown, client: Connection) => {
          if (error) giveUp(error);
          else if (isDone) socket.abort();
          else {
            const connection = new OpenConnection(client, socket);
            finish(() => resolve(connection));
          }
        },
      );
    } catch (error) {
      giveUp(error);
    }
  });
}
