import type { Duplex } from 'node:stream';

/** What amqplib's connection writes to, which its types do not declare. */
interface UndeclaredConnection {
  readonly stream?: Duplex;
}

/**
 * Makes amqplib's writes of one turn of the event loop leave in one system call; by itself it makes one per message,
 * a quarter of the cost of publishing. Returns what is called before writing. Without the stream it does nothing.
 */
export function batchWrites(connection: object): () => void {
  const { stream } = connection as UndeclaredConnection;
  if (typeof stream?.cork !== 'function') return () => undefined;
  let isCorked = false;
  const uncork = (): void => {
    isCorked = false;
    stream.uncork();
  };
  const cork = (): void => {
    if (isCorked) return;
    isCorked = true;
    stream.cork();
    // amqplib passes on what a channel wrote in an immediate that it asks for in the next tick: this one comes after.
    process.nextTick(() => process.nextTick(() => setImmediate(uncork)));
  };
  // After a full buffer it goes on writing without us.
  stream.prependListener('drain', cork);
  return cork;
}
