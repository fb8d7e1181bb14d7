import type { Outgoing, Sender } from './senders.js';

/** What keeps sending while a cluster goes through faults. */
export interface Load {
  /** Ids that the sender was told to be stored, in the order in which it was told. */
  readonly acked: readonly string[];
  /** Ids that it was not told to be stored. */
  readonly refused: readonly string[];
  /** Resolves when so many more have been acknowledged. */
  more(count: number): Promise<void>;
  /** Starts nothing new and resolves when everything that was sent is answered. */
  stop(): Promise<void>;
}

/** Keys that are sent to, and for each of them how many sends are on their way at a time and of how many records. */
const KEYS = 24;
const SENDS_IN_FLIGHT = 2;
const RECORDS_PER_SEND = 3;

/** An id is its key and its number within the key: {@link outOfOrder} reads it. */
const idFor = (key: string, sequence: number): string => `${key}:${sequence}`;

/** Starts to send with keys, each next send of a key as soon as the one before the last of it is answered. */
export function startLoad(sender: Sender): Load {
  const acked: string[] = [];
  const refused: string[] = [];
  const waiting = new Set<() => void>();
  let isOn = true;

  const sendOnce = async (records: readonly Outgoing[]): Promise<void> => {
    const stored = await sender.send(records);
    acked.push(...stored);
    if (stored.length < records.length) {
      const known = new Set(stored);
      refused.push(...records.map(({ id }) => id).filter((id) => !known.has(id)));
    }
    for (const look of waiting) look();
  };
  const feedKey = async (key: string): Promise<void> => {
    let sequence = 0;
    const next = (): Outgoing => ({ id: idFor(key, sequence++), key });
    const feed = async (): Promise<void> => {
      while (isOn) await sendOnce(Array.from({ length: RECORDS_PER_SEND }, next));
    };
    await Promise.all(Array.from({ length: SENDS_IN_FLIGHT }, feed));
  };
  const running = Promise.all(Array.from({ length: KEYS }, (_, index) => feedKey(`key-${index}`)));
  return {
    acked,
    refused,
    more(count) {
      const wanted = acked.length + count;
      return new Promise((resolve) => {
        const look = (): void => {
          if (acked.length < wanted) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
      });
    },
    async stop() {
      isOn = false;
      await running;
    },
  };
}

/** Ids of one log that are stored for the first time after a later one of their key; empty when all are in order. */
export function outOfOrder(log: readonly string[]): string[] {
  const seen = new Set<string>();
  const highest = new Map<string, number>();
  return log.filter((id) => {
    if (seen.has(id)) return false;
    seen.add(id);
    const [key = '', sequence] = id.split(':');
    const last = highest.get(key) ?? -1;
    highest.set(key, Math.max(last, Number(sequence)));
    return Number(sequence) < last;
  });
}
