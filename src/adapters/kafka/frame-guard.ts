import { EventEmitter } from 'node:events';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { NOT_KAFKA, SPEAKS_TLS } from './errors.js';

/** Longest answer that is believed, bytes. Foreign protocols read as a length are far above it (`HTTP` is 1.2 GB). */
const FRAME_MAX_BYTES = 256 * 1024 * 1024;
/** How long a connection that was ended may linger before it is cut, ms; a black hole never answers the FIN. */
const LINGER_MS = 2_000;
const KEEP_ALIVE_MS = 60_000;
const LENGTH_BYTES = 4;

function codedError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** The first bytes of a TLS alert or handshake record. */
const looksLikeTls = (length: number): boolean => {
  const [type, major] = [length >>> 24, (length >>> 16) & 0xff];
  return (type === 0x15 || type === 0x16) && major === 0x03;
};

/**
 * Follows the lengths of the frames on one connection. Without it kafkajs believes any length, waits for a gigabyte
 * that never comes, and hangs until the request times out.
 */
export function createFrameGuard(): (chunk: Buffer) => Error | null {
  const header = Buffer.allocUnsafe(LENGTH_BYTES);
  let headerBytes = 0;
  let bodyLeft = 0;

  const readHeader = (chunk: Buffer, at: number): number => {
    const copied = chunk.copy(header, headerBytes, at, at + LENGTH_BYTES - headerBytes);
    headerBytes += copied;
    return at + copied;
  };

  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      if (bodyLeft > 0) {
        const step = Math.min(bodyLeft, chunk.length - at);
        bodyLeft -= step;
        at += step;
        continue;
      }
      at = readHeader(chunk, at);
      if (headerBytes < LENGTH_BYTES) return null;
      headerBytes = 0;
      const length = header.readInt32BE(0);
      if (looksLikeTls(length)) return codedError(SPEAKS_TLS, 'The port speaks TLS');
      if (length < 0 || length > FRAME_MAX_BYTES) {
        return codedError(NOT_KAFKA, `The port does not speak Kafka (an answer of ${length} bytes)`);
      }
      bodyLeft = length;
    }
    return null;
  };
}

/** The part of a socket that kafkajs uses, with the guard in between. */
export class GuardedSocket extends EventEmitter {
  readonly #socket: Socket;
  #isEnding = false;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    const guard = createFrameGuard();
    socket.on('data', (chunk: Buffer) => {
      const problem = guard(chunk);
      if (problem === null) this.emit('data', chunk);
      else socket.destroy(problem);
    });
    socket.on('end', () => this.emit('end'));
    socket.on('timeout', () => this.emit('timeout'));
    // kafkajs ends the connection on an error; one that comes after it has let go must not end the process.
    socket.on('error', (error) => this.listenerCount('error') > 0 && this.emit('error', error));
    // A connection that is destroyed without `end` or `error` would leave its requests pending for ever.
    socket.on('close', (hadError) => !hadError && !socket.readableEnded && this.emit('end'));
  }

  write(data: string | Uint8Array, encoding?: BufferEncoding): boolean {
    return this.#socket.write(data, encoding);
  }

  end(): void {
    // kafkajs ends a connection as often as somebody gives it up.
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#socket.end();
    const linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    linger.unref();
    this.#socket.once('close', () => clearTimeout(linger));
  }

  unref(): void {
    this.#socket.unref();
  }

  /** Cuts the connection; requests that wait for it are rejected. */
  destroy(): void {
    this.#socket.destroy();
  }
}

/** What kafkajs hands to a socket factory. */
export interface SocketRequest {
  readonly host: string;
  readonly port: number;
  readonly ssl?: ConnectionOptions | undefined;
  readonly onConnect: () => void;
}

/** Opens a plain or TLS connection whose answers are checked to be Kafka's. */
export function openGuardedSocket({ host, port, ssl, onConnect }: SocketRequest): GuardedSocket {
  const serverName = isIP(host) === 0 ? { servername: host } : {};
  const socket = ssl
    ? connectTls({ host, port, ...serverName, ...ssl }, onConnect)
    : connectPlain({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.setNoDelay(true);
  return new GuardedSocket(socket);
}
