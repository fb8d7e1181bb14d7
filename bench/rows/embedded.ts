import { defineConsumer } from '../../src/index.js';
import { openBus } from '../buses.js';
import { median } from '../contest.js';
import { callConcurrently, makeUsages, type Usage, usageTopic } from '../messages.js';
import { uniqueName } from '../names.js';
import type { Row, RowResult } from '../row.js';

const NAME = 'embedded, publish to handled / 200,000 a second';
const GOAL_RATE = 200_000;
const STRETCH_RATE = 350_000;
const COUNT = 200_000;
const ROUNDS = 5;

/** Publishes and handles all of it on the embedded queues; resolves with messages per second. */
async function run(usages: readonly Usage[]): Promise<number> {
  const topic = { ...usageTopic(uniqueName('embedded')), brokers: ['rabbitmq'] as const };
  let left = usages.length;
  let finish = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const consumer = defineConsumer({
    name: 'embedded',
    topic,
    group: `${topic.name}_group`,
    concurrency: 100,
    inbox: false,
    handle: () => {
      left -= 1;
      if (left === 0) finish();
    },
  });
  const bus = await openBus(null, {
    brokers: ['rabbitmq'],
    topics: [topic],
    consumers: [consumer],
  });
  const startedMs = performance.now();
  await callConcurrently(usages, 1_000, (usage) => bus.publish(topic, usage));
  await done;
  const rate = (usages.length * 1_000) / (performance.now() - startedMs);
  await bus.close();
  return rate;
}

export const embeddedRows: readonly Row[] = [
  {
    name: NAME,
    needs: 'nothing',
    run: async (): Promise<RowResult> => {
      const usages = makeUsages(COUNT);
      await run(usages);
      const rates: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) rates.push(await run(usages));
      const middle = median(rates);
      return {
        name: NAME,
        unit: 'msg/s',
        ours: middle,
        theirs: GOAL_RATE,
        ratio: middle / GOAL_RATE,
        goal: 1,
        stretch: STRETCH_RATE / GOAL_RATE,
        lessIsBetter: false,
        sameAgainstSame: [Math.min(...rates) / middle, Math.max(...rates) / middle],
      };
    },
  },
];
