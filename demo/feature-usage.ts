import { setTimeout as pause } from 'node:timers/promises';
import * as z from 'zod';
import { defineConsumer, defineTopic, type MessageBus, type Receipt } from '../src/index.js';
import type { Journal } from './journal.js';

const featureUsageSchema = z.object({
  feature_endpoint: z.string(),
  user: z.string(),
  email: z.email(),
  model: z.string(),
  input_tokens: z.number().int().nonnegative(),
  output_tokens: z.number().int().nonnegative(),
  status: z.enum(['success', 'error']),
  used_at: z.iso.datetime(),
});

/** Which feature was used by whom. */
export const featureUsage = defineTopic({
  name: 'demo_feature_usage_topic',
  schema: featureUsageSchema,
  key: (usage) => usage.user,
  kafka: { partitions: 3 },
});

/** The same place on both brokers, written by a program that knows neither the schema nor JSON. */
export const foreignUsage = defineTopic<Buffer>({
  name: 'demo_foreign_usage',
  codec: 'bytes',
  kafka: { topic: featureUsage.name, partitions: 3 },
  rabbitmq: { exchange: featureUsage.name, routingKey: featureUsage.name },
});

const ENDPOINTS = ['chat', 'image-create', 'image-upscale', 'transcribe', 'translate', 'summarise'] as const;
const MODELS = ['small-4', 'medium-4', 'large-4'] as const;
/** Of so many usages one meets a database that does not answer at the first attempt. */
const USAGES_PER_TIMEOUT = 40;
/** How long a write takes, ms: a consumer that moves has handlers running. */
const WRITE_MS = 8;

const pick = <Item>(items: readonly Item[], index: number): Item => items[index % items.length] as Item;

/** Publishes the usage with this number. */
export function publishUsage(bus: MessageBus, number: number, id: string): Promise<Receipt> {
  const user = `user-${String((number * 7) % 50).padStart(3, '0')}`;
  return bus.publish(
    featureUsage,
    {
      feature_endpoint: pick(ENDPOINTS, number),
      user,
      email: `${user}@example.com`,
      model: pick(MODELS, Math.floor(number / 5)),
      input_tokens: 40 + ((number * 131) % 900),
      output_tokens: (number * 67) % 400,
      status: number % 25 === 0 ? 'error' : 'success',
      used_at: new Date().toISOString(),
    },
    { id },
  );
}

/** Publishes what another team's program might: half a JSON object. */
export function publishBrokenUsage(bus: MessageBus, number: number, id: string): Promise<Receipt> {
  return bus.publish(foreignUsage, Buffer.from(`{"user":"user-${number}","feature_endpoint":`), { id });
}

/** Writes every usage to the log of usages; its database is away now and then, so some need a second attempt. */
export function defineUsageLog(journal: Journal) {
  let count = 0;
  const waitingForDatabase = new Set<string>();
  return defineConsumer({
    name: 'demo-usage-log',
    topic: featureUsage,
    group: 'demo-usage-log-group',
    retry: { inline: { attempts: 3, backoff: { initialMs: 20 } } },
    handle: async ({ id }) => {
      await pause(WRITE_MS);
      if (!waitingForDatabase.delete(id)) {
        count += 1;
        if (count % USAGES_PER_TIMEOUT === 0) {
          waitingForDatabase.add(id);
          throw new Error('the database did not answer');
        }
      }
      journal.handled('demo-usage-log', id);
    },
  });
}

/** Adds up the tokens per model. */
export function defineUsageReport(journal: Journal) {
  const tokens = new Map<string, number>();
  return defineConsumer({
    name: 'demo-usage-report',
    topic: featureUsage,
    group: 'demo-usage-report-group',
    handle: ({ id, data }) => {
      const used = data.input_tokens + data.output_tokens;
      tokens.set(data.model, (tokens.get(data.model) ?? 0) + used);
      journal.handled('demo-usage-report', id);
    },
  });
}
