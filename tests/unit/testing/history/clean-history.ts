import type { Random } from '../../../../src/contract/clock.js';
import type { HistoryEvent } from '../../../../src/testing/index.js';

export const TOPIC = 'orders';
/** `acking` lets go of each copy by itself, as on RabbitMQ; `committing` by position, as on Kafka. */
export const CONSUMERS = ['acking', 'committing'] as const;
export type Consumer = (typeof CONSUMERS)[number];

type PublishEnd = 'publish-ok' | 'publish-failed' | 'publish-uncertain' | undefined;

/** One message of the model and what the broker really did with it. */
interface Message {
  readonly id: string;
  readonly key: string;
  readonly isStored: boolean;
}

const PARTITIONS = 3;
const KEYS = 5;

const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[Math.floor(random() * items.length)] as Item;

/**
 * Makes the history of a run without a fault of ours: publishes with every end, deliveries in the order of the log,
 * redeliveries before and after the end, retries, dead letters, drops, a handover, and copies that wait at the end.
 */
export function cleanHistory(random: Random, count: number): HistoryEvent[] {
  const history: HistoryEvent[] = CONSUMERS.map((consumer) => ({ type: 'consumer', consumer, topic: TOPIC }));
  const stored = publishAll(history, random, count);
  for (const consumer of CONSUMERS) consumeAll(history, random, { consumer, stored });
  // What is published at last has no time to be handled: it waits, and nothing says that all is healed.
  history.push({ type: 'publish-invoked', id: 'late', topic: TOPIC }, { type: 'publish-ok', id: 'late' });
  for (const consumer of CONSUMERS) history.push({ type: 'waiting', consumer, id: 'late' });
  return history;
}

function publishAll(history: HistoryEvent[], random: Random, count: number): Message[] {
  const stored: Message[] = [];
  for (let number = 0; number < count; number += 1) {
    const end = pick<PublishEnd>(random, [
      ...Array<PublishEnd>(9).fill('publish-ok'),
      'publish-failed',
      'publish-uncertain',
      undefined,
    ]);
    const isStored = end === 'publish-ok' || (end !== 'publish-failed' && random() < 0.5);
    const message = { id: `m${number}`, key: `k${Math.floor(random() * KEYS)}`, isStored };
    history.push({ type: 'publish-invoked', id: message.id, topic: TOPIC, key: message.key });
    if (end) history.push({ type: end, id: message.id });
    if (isStored) stored.push(message);
    if (end === 'publish-uncertain') repeat(history, random, { message, stored });
  }
  return stored;
}

/** Half of the uncertain publishes are repeated: its copy may lie anywhere in the log then. */
function repeat(
  history: HistoryEvent[],
  random: Random,
  { message, stored }: { message: Message; stored: Message[] },
): void {
  if (random() < 0.5) return;
  const { id, key } = message;
  history.push({ type: 'publish-invoked', id, topic: TOPIC, key }, { type: 'publish-ok', id });
  if (!message.isStored) stored.splice(Math.floor(random() * stored.length), 0, message);
}

interface Run {
  readonly consumer: Consumer;
  readonly stored: readonly Message[];
}

/** Handles every stored message, partition by partition, and lets go of it as the consumer does. */
function consumeAll(history: HistoryEvent[], random: Random, { consumer, stored }: Run): void {
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const place = `${consumer}-${partition}`;
    const log = stored.filter(({ key }) => Number(key.slice(1)) % PARTITIONS === partition);
    log.forEach(({ id }, position) => {
      const where = consumer === 'committing' ? { place, position } : {};
      const deliver = (): void => void history.push({ type: 'delivered', consumer, id, ...where });
      deliver();
      // Given back, by a rebalance or a lost channel, before it was handled.
      if (random() < 0.1) deliver();
      if (random() < 0.1) history.push({ type: 'handover', consumer, from: 'rabbitmq', to: 'kafka' });
      const retries = end(history, random, { consumer, id });
      if (consumer === 'acking') history.push({ type: 'settled', consumer, id });
      else if (random() < 0.5) history.push({ type: 'committed', consumer, place, position: position + 1 });
      if (retries) finishRetry(history, { consumer, id });
      // Given back although it was handled: the inbox lets it go without a second effect.
      if (random() < 0.1) deliver();
    });
    if (consumer === 'committing') history.push({ type: 'committed', consumer, place, position: log.length });
  }
}

interface One {
  readonly consumer: Consumer;
  readonly id: string;
}

/** Ends a message in one of the ways; true when a copy for later was stored instead. */
function end(history: HistoryEvent[], random: Random, one: One): boolean {
  const how = random();
  if (how < 0.05) history.push({ type: 'retry', ...one, attempt: 2 });
  else if (how < 0.1) history.push({ type: 'dead-letter', ...one, reason: 'attempts' });
  else if (how < 0.12) history.push({ type: 'dropped', ...one });
  else history.push({ type: 'effect', ...one });
  // What was dead is replayed: a new generation, with an effect of its own.
  if (how >= 0.05 && how < 0.07) history.push({ type: 'effect', ...one, generation: 1 });
  return how < 0.05;
}

function finishRetry(history: HistoryEvent[], one: One): void {
  history.push(
    { type: 'delivered', ...one, attempt: 2 },
    { type: 'effect', ...one },
    { type: 'settled', ...one, attempt: 2 },
  );
}
