import { BuscouplerError } from '../../contract/errors.js';
import type { MessageBus, PublishOptions } from '../../contract/message-bus.js';
import type { TopicDefinition } from '../../contract/topic.js';
import type { Recorder } from '../recorder.js';

/** Ids in order of the alphabet, to compare sets. */
export const idsOf = (messages: readonly { readonly id: string }[]): string[] =>
  messages.map(({ id }) => id).sort();

/** So many ids, in order of the alphabet. */
export const idsFrom = (count: number, stem = 'm'): string[] =>
  Array.from({ length: count }, (_, number) => `${stem}${String(number).padStart(6, '0')}`);

/** Publishes series side by side, each one message after another, and returns all ids, sorted. */
export async function publishSeries(
  bus: MessageBus,
  topic: TopicDefinition,
  { series, each }: { readonly series: number; readonly each: number },
): Promise<string[]> {
  const ids = Array.from({ length: series }, (_, one) => idsFrom(each, `s${one}-`));
  await Promise.all(
    ids.map(async (own) => {
      for (const id of own) await bus.publish(topic, { id }, { id });
    }),
  );
  return ids.flat().sort();
}

/** Publishes until it is stored, with the same id, as a caller does who must not lose it. */
export async function publishForSure(
  bus: MessageBus,
  topic: TopicDefinition,
  options: PublishOptions & { readonly id: string },
): Promise<void> {
  for (;;) {
    try {
      await bus.publish(topic, { id: options.id }, options);
      return;
    } catch (error) {
      if (!(error instanceof BuscouplerError && error.retriable)) throw error;
    }
  }
}

/** Publishes every id for sure, with so many under way at a time; `stored` is told of each. */
export async function publishAllForSure(
  bus: MessageBus,
  topic: TopicDefinition,
  { ids, inFlight, stored }: { ids: readonly string[]; inFlight: number; stored: Recorder<string> },
): Promise<void> {
  const left = ids.values();
  const worker = async (): Promise<void> => {
    for (const id of left) {
      await publishForSure(bus, topic, { id });
      stored.add(id);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}
