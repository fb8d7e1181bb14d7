import { setTimeout as sleep } from 'node:timers/promises';
import { defineConsumer, defineTopic } from '../../src/index.js';
import { openBus } from '../buses.js';
import { median } from '../contest.js';
import { uniqueName } from '../names.js';
import type { Row, RowResult } from '../row.js';

const KEYS = 64;
const SLOTS = 32;
const COUNT = 3_000;
const HANDLER_MS = 5;
const ROUNDS = 3;

interface Keyed {
  readonly key: string;
  readonly sequence: number;
}

/** Keys in equal shares. */
const uniform = (sequence: number): string => `key-${sequence % KEYS}`;

/** Keys by Zipf's law with exponent 1, from a fixed sequence so that every run has the same. */
function zipfKeys(): (sequence: number) => string {
  const weights = Array.from({ length: KEYS }, (_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, one) => sum + one, 0);
  let state = 42;
  const keys = Array.from({ length: COUNT }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    let rest = (state / 2 ** 32) * total;
    const rank = weights.findIndex((weight) => {
      rest -= weight;
      return rest <= 0;
    });
    return `key-${rank === -1 ? KEYS - 1 : rank}`;
  });
  return (sequence) => keys[sequence] as string;
}

/** One run; resolves with the share of the bound that was reached. */
async function run(keyOf: (sequence: number) => string): Promise<{ rate: number; bound: number }> {
  const topic = defineTopic<Keyed>({ name: uniqueName('keyed'), key: (message) => message.key });
  const perKey = new Map<string, number>();
  let busyMs = 0;
  let left = COUNT;
  let finish = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const consumer = defineConsumer({
    name: 'keyed',
    topic,
    group: `${topic.name}_group`,
    concurrency: SLOTS,
    handle: async ({ data }) => {
      const startedMs = performance.now();
      const last = perKey.get(data.key) ?? -1;
      if (data.sequence <= last) throw new Error(`void: ${data.key} out of order`);
      perKey.set(data.key, data.sequence);
      await sleep(HANDLER_MS);
      busyMs += performance.now() - startedMs;
      left -= 1;
      if (left === 0) finish();
    },
  });
  const bus = await openBus(null, {
    brokers: ['rabbitmq'],
    topics: [topic],
    consumers: [consumer],
    consume: false,
  });
  for (let sequence = 0; sequence < COUNT; sequence += 1) {
    await bus.publish(topic, { key: keyOf(sequence), sequence });
  }
  const startedMs = performance.now();
  await bus.consumer('keyed').start();
  await done;
  const tookMs = performance.now() - startedMs;
  await bus.close();
  return { rate: (COUNT * 1_000) / tookMs, bound: boundOf(keyOf) / (busyMs / COUNT / 1_000) };
}

/** How many handlers can run at a time on average: keys, slots, or what the hottest key leaves. */
function boundOf(keyOf: (sequence: number) => string): number {
  const counts = new Map<string, number>();
  for (let sequence = 0; sequence < COUNT; sequence += 1) {
    counts.set(keyOf(sequence), (counts.get(keyOf(sequence)) ?? 0) + 1);
  }
  return Math.min(counts.size, SLOTS, COUNT / Math.max(...counts.values()));
}

function keyRow(name: string, keyOf: (sequence: number) => string): Row {
  return {
    name,
    needs: 'nothing',
    run: async (): Promise<RowResult> => {
      const figures = [];
      for (let round = 0; round < ROUNDS; round += 1) figures.push(await run(keyOf));
      const shares = figures.map(({ rate, bound }) => rate / bound);
      const middle = median(shares);
      return {
        name,
        unit: 'msg/s',
        ours: median(figures.map(({ rate }) => rate)),
        theirs: median(figures.map(({ bound }) => bound)),
        ratio: middle,
        goal: 0.95,
        stretch: 0.97,
        lessIsBetter: false,
        sameAgainstSame: [Math.min(...shares) / middle, Math.max(...shares) / middle],
      };
    },
  };
}

export const keyOrderRows: readonly Row[] = [
  keyRow('key-ordered, 5 ms handlers, uniform keys / bound', uniform),
  keyRow('key-ordered, 5 ms handlers, Zipf keys / bound', zipfKeys()),
];
