import type { ConsumeMessage, GetMessage } from 'amqplib/callback_api';
import type { StoredLetter } from '../../contract/broker.js';
import type { BuscouplerError } from '../../contract/errors.js';
import { wait } from '../../delivery/backoff.js';
import { parseAddress } from './address.js';
import { decodeAside, type ProblemOf } from './decode-aside.js';
import { dial } from './dial.js';
import { dialError } from './errors.js';
import { LetterChannel } from './letter-channel.js';
import { LetterWindows } from './letter-windows.js';
import type { RabbitmqContext } from './link.js';
import { toIncoming } from './messages.js';
import type { OpenConnection } from './open-connection.js';

/** Longest wait for the goodbye of a reading's connection, ms. */
const GOODBYE_MS = 2_000;

/** How long a reading that ended early goes on taking what it does not show, ms. */
const REST_MS = 10_000;

/** What is read, and until when. */
export interface LetterReading {
  readonly context: RabbitmqContext;
  readonly queue: string;
  readonly signal: AbortSignal;
}

/**
 * The messages of a dead-letter queue from its head, as many as it held at the beginning. They are held unacked until
 * the reading ends, so that none comes twice, and lie in the queue again afterwards. On a connection of its own: only
 * there messages that kill the client are decoded aside.
 */
export async function* readLetters(reading: LetterReading): AsyncGenerator<StoredLetter, void, undefined> {
  if (reading.signal.aborted) return;
  const connection = await connect(reading);
  try {
    yield* readFrom(connection, reading);
  } finally {
    await sayGoodbye(connection, reading);
  }
}

async function* readFrom(connection: OpenConnection, reading: LetterReading): AsyncGenerator<StoredLetter> {
  const { context, queue, signal } = reading;
  const bounds = { clock: context.clock, timeoutMs: context.settings.requestTimeoutMs };
  const source = { queue, problemOf: decodeAside(connection) };
  const channel = await LetterChannel.open({ connection, bounds, queue, signal });
  try {
    for await (const message of messagesOf(channel, reading)) yield letterOf(message, channel, source);
  } finally {
    await channel.close();
  }
}

/** Each server in turn, once: whoever reads letters is told at once that the broker is away. */
async function connect({ context, signal }: LetterReading): Promise<OpenConnection> {
  const { settings, clock } = context;
  let last: BuscouplerError | null = null;
  for (const url of settings.urls) {
    const address = parseAddress(url);
    try {
      return await dial({ settings, address, role: 'letters', clock, signal });
    } catch (error) {
      last = dialError(error, address);
    }
  }
  throw last;
}

/** What is asked of the queue, and how much is left of what it held at the beginning. */
interface Progress {
  readonly channel: LetterChannel;
  readonly reading: LetterReading;
  readonly windows: LetterWindows;
  left: number;
}

async function* messagesOf(
  channel: LetterChannel,
  reading: LetterReading,
): AsyncGenerator<ConsumeMessage | GetMessage> {
  const left = await channel.count();
  const progress: Progress = { channel, reading, windows: new LetterWindows(left), left };
  try {
    do {
      const messages = await nextOf(progress);
      if (messages.length === 0) return;
      for (let next = messages.shift(); next !== undefined; next = messages.shift()) {
        if (reading.signal.aborted) return;
        yield next;
      }
    } while (progress.left > 0);
  } finally {
    await takeRest(progress);
  }
}

/** The next messages; none: there are no more. */
async function nextOf(progress: Progress): Promise<(ConsumeMessage | GetMessage)[]> {
  const { channel, windows } = progress;
  let messages: (ConsumeMessage | GetMessage)[] = [];
  if (progress.left > 0) messages = await channel.window(Math.min(progress.left, windows.next()));
  if (messages.length === 0) {
    // Neither silence nor a count of zero proves that nothing is there.
    const one = await channel.one();
    if (one !== null) messages = [one];
    progress.left = one === null ? 0 : Math.max(progress.left, one.fields.messageCount + 1);
  }
  progress.left -= messages.length;
  for (const message of messages) windows.seen(message.content.length);
  return messages;
}

/**
 * A queue that was looked through before puts what it gets back behind the rest (3.10 and 4.0): after a look at its first
 * letters the oldest would come last. Only when all of them come back at once they are in order. Not for ever: order is
 * a comfort.
 */
async function takeRest(progress: Progress): Promise<void> {
  const { channel, reading } = progress;
  const { clock } = reading.context;
  const endMs = clock.monotonicMs() + REST_MS;
  while (progress.left > 0 && channel.isOpen && !reading.signal.aborted && clock.monotonicMs() < endMs) {
    try {
      await nextOf(progress);
    } catch {
      return; // the connection was lost: everything is given back by that
    }
  }
}

function letterOf(
  message: ConsumeMessage | GetMessage,
  channel: LetterChannel,
  { queue, problemOf }: { queue: string; problemOf: ProblemOf },
): StoredLetter {
  const problem = problemOf(message.properties);
  const { deliveryTag } = message.fields;
  let removal: Promise<true> | null = null;
  return {
    message: toIncoming(message as ConsumeMessage, queue),
    ...(problem !== undefined && { problem }),
    remove: () => {
      removal ??= channel.remove(deliveryTag).then(() => true);
      return removal;
    },
  };
}

async function sayGoodbye(connection: OpenConnection, { context }: LetterReading): Promise<void> {
  const done = new AbortController();
  await connection.close(wait(context.clock, GOODBYE_MS, done.signal));
  done.abort();
}
