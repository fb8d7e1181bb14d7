import { createLogger, openDesk } from '../../../src/index.js';
import { mongoInbox } from '../../../src/mongo.js';
import { configOf, consumerOf } from './definitions.js';
import type { KillPlan } from './plan.js';
import { createStopper } from './points.js';
import { openDatabase, print, stoppingBrokers } from './process-parts.js';

const plan: KillPlan = JSON.parse(process.argv[2] ?? '');

/** Replays every dead letter and fails unless none is left. */
async function main(): Promise<void> {
  const connection = await openDatabase(plan);
  const config = await configOf(plan);
  const stopper = createStopper(plan.stop, () => print({ told: 'reached' }));
  const desk = await openDesk({
    config,
    consumers: [consumerOf(plan, () => undefined)],
    inbox: mongoInbox(connection),
    logger: createLogger({ level: 'silent' }),
    brokers: stoppingBrokers(config, stopper),
  });
  print({ told: 'started' });
  const report = await desk.replay({ execute: true, canary: false, ratePerSecond: 1_000 });
  const { letters } = await desk.list();
  if (report.end !== 'done' || report.refused.length > 0 || letters.length > 0)
    throw new Error(JSON.stringify({ report, left: letters.length }));
  print({ told: 'replayed' });
  await desk.close();
  await connection.close();
}

await main();
