import mongoose from 'mongoose';
import { createBus, createLogger, defineConsumer, loadConfig } from '../../src/index.js';
import { mongoOutbox } from '../../src/mongo.js';
import { startMongodb } from '../../tests/support/servers/mongodb.js';
import { median } from '../contest.js';
import { callConcurrently, makeUsages, type Usage, usageTopic } from '../messages.js';
import { uniqueName } from '../names.js';
import type { Row, RowResult } from '../row.js';

const NAME = 'outbox, transaction to handled / write, then publish';
const COUNT = 4_000;
const CALLERS = 16;
const ROUNDS = 3;

/** Writes and publishes all of it, a transaction each, over an embedded broker; messages handled per second. */
async function run(connection: mongoose.Connection, usages: readonly Usage[], isInside: boolean) {
  const topic = { ...usageTopic(uniqueName('outbox')), brokers: ['rabbitmq'] as const };
  let left = usages.length;
  let finish = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const consumer = defineConsumer({
    name: 'outbox',
    topic,
    group: `${topic.name}_group`,
    concurrency: 100,
    inbox: false,
    handle: () => {
      left -= 1;
      if (left === 0) finish();
    },
  });
  const bus = await createBus({
    config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
    topics: [topic],
    consumers: [consumer],
    outbox: mongoOutbox(connection, { collection: topic.name }),
    logger: createLogger({ level: 'error' }),
  });
  await bus.start();
  const effects = await connection.createCollection(`${topic.name}_effects`);
  const startedMs = performance.now();
  await callConcurrently(usages, CALLERS, (usage) =>
    connection.withSession(async (session) => {
      await session.withTransaction(async () => {
        await effects.insertOne({ ...usage }, { session });
        if (isInside) await bus.publish(topic, usage, { session });
      });
      if (!isInside) await bus.publish(topic, usage);
    }),
  );
  await done;
  const rate = (usages.length * 1_000) / (performance.now() - startedMs);
  await bus.close();
  return rate;
}

export const outboxRows: readonly Row[] = [
  {
    name: NAME,
    needs: 'nothing',
    run: async (): Promise<RowResult> => {
      const server = await startMongodb();
      const connection = await mongoose.createConnection(server.url).asPromise();
      const usages = makeUsages(COUNT);
      const [ours, theirs]: [number[], number[]] = [[], []];
      try {
        await run(connection, usages, true);
        for (let round = 0; round < ROUNDS; round += 1) {
          ours.push(await run(connection, usages, true));
          theirs.push(await run(connection, usages, false));
        }
      } finally {
        await connection.close();
        await server.dispose();
      }
      const middle = median(theirs);
      return {
        name: NAME,
        unit: 'msg/s',
        ours: median(ours),
        theirs: middle,
        ratio: median(ours) / middle,
        goal: 0.5,
        stretch: 0.7,
        lessIsBetter: false,
        sameAgainstSame: [Math.min(...theirs) / middle, Math.max(...theirs) / middle],
      };
    },
  },
];
