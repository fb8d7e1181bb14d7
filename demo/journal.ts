import type { BrokerName } from '../src/index.js';

/** One message of this run. */
export interface JournalMessage {
  readonly topic: string;
  /** True: made so that no consumer can handle it; it has to become a dead letter. */
  readonly isDoomed: boolean;
  /** `pending`: not answered yet. `rejected`: the publisher was told that it failed. */
  readonly outcome: 'pending' | 'stored' | 'rejected';
  /** The brokers that confirmed it. */
  readonly brokers: readonly BrokerName[];
}

/** What one consumer did: how often, by message id. */
export interface ConsumerRecord {
  readonly name: string;
  readonly topic: string;
  readonly handled: ReadonlyMap<string, number>;
  readonly deadLettered: ReadonlyMap<string, number>;
}

/** Everything that happened. */
export interface Happened {
  readonly messages: ReadonlyMap<string, JournalMessage>;
  readonly consumers: readonly ConsumerRecord[];
}

/** Writes down what happens, message by message. Ids of an earlier run are left out: they still wait on real brokers. */
export interface Journal extends Happened {
  publishing(id: string, message: Pick<JournalMessage, 'topic' | 'isDoomed'>): void;
  stored(id: string, brokers: readonly BrokerName[]): void;
  rejected(id: string): void;
  handled(consumer: string, id: string): void;
  deadLettered(consumer: string, id: string): void;
  /** Stored messages that some consumer has neither handled nor dead-lettered, counted per consumer. */
  open(): number;
}

interface OpenRecord extends ConsumerRecord {
  readonly handled: Map<string, number>;
  readonly deadLettered: Map<string, number>;
}

const addOne = (counts: Map<string, number>, id: string): void => {
  counts.set(id, (counts.get(id) ?? 0) + 1);
};

/** A journal without entries. Consumers are given by name, with the name of their topic. */
export function createJournal(consumers: Readonly<Record<string, string>>): Journal {
  const messages = new Map<string, JournalMessage>();
  const records = new Map<string, OpenRecord>(
    Object.entries(consumers).map(([name, topic]) => [
      name,
      { name, topic, handled: new Map(), deadLettered: new Map() },
    ]),
  );
  const settle = (id: string, end: Pick<JournalMessage, 'outcome' | 'brokers'>): void => {
    const message = messages.get(id);
    if (message !== undefined) messages.set(id, { ...message, ...end });
  };
  const count = (list: 'handled' | 'deadLettered') => (consumer: string, id: string) => {
    const record = records.get(consumer);
    if (record !== undefined && messages.has(id)) addOne(record[list], id);
  };
  return {
    messages,
    consumers: [...records.values()],
    publishing: (id, message) => void messages.set(id, { ...message, outcome: 'pending', brokers: [] }),
    stored: (id, brokers) => settle(id, { outcome: 'stored', brokers }),
    rejected: (id) => settle(id, { outcome: 'rejected', brokers: [] }),
    handled: count('handled'),
    deadLettered: count('deadLettered'),
    open: () => countOpen(messages, [...records.values()]),
  };
}

function countOpen(messages: Happened['messages'], consumers: readonly ConsumerRecord[]): number {
  let open = 0;
  for (const { topic, handled, deadLettered } of consumers) {
    for (const [id, message] of messages) {
      if (message.topic !== topic || message.outcome !== 'stored') continue;
      if (!handled.has(id) && !deadLettered.has(id)) open += 1;
    }
  }
  return open;
}
