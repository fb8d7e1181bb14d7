import { randomUUID } from 'node:crypto';
import os from 'node:os';
import mongoose from 'mongoose';
import { createBus, createLogger, type MessageBus } from '../../../src/index.js';
import { mongoOutbox } from '../../../src/mongo.js';
import { type HistoryRecorder, recordHistory } from '../../../src/testing/index.js';
import { CONSUMER, configOf, keyOf, topicOf } from './definitions.js';
import { type KillableProcess, type Role, startKillable } from './killable-process.js';
import type { EffectRow, KillPlan } from './plan.js';

/** What the processes of one plan share, and what outlives them. */
export interface Stage {
  readonly plan: KillPlan;
  readonly history: HistoryRecorder;
  /** Starts a process; unless it stops at the step of the plan it runs until it is ended. */
  start(options: { readonly stops: boolean; readonly role?: Role }): Promise<KillableProcess>;
  /** The killed operator's claims are as good as a minute and more old. */
  ageReplays(): Promise<void>;
  /** Publishes one after another, through the outbox where the plan is about that. */
  publish(ids: readonly string[]): Promise<void>;
  /** Ids of the effects in the database, in their order. */
  effects(): Promise<string[]>;
  /** Ends everything and removes the database. */
  close(): Promise<void>;
}

/** Makes names of its own, a publisher and an empty history. Start a process before the first publish: it makes the places. */
export async function openStage(given: Omit<KillPlan, 'name'>): Promise<Stage> {
  const plan: KillPlan = { ...given, name: `kill_${randomUUID().slice(0, 8)}` };
  const history = recordHistory();
  const topic = topicOf(plan);
  history.add({ type: 'consumer', consumer: CONSUMER, topic: topic.name });
  const connection = await connect(plan);
  const processes: KillableProcess[] = [];
  let publisher: MessageBus | null = null;
  return {
    plan,
    history,
    async start({ stops, role = 'consumer' }) {
      const { stop: _, ...unstopped } = plan;
      const started = await startKillable(role, stops ? plan : unstopped, history.add);
      processes.push(started);
      publisher ??= await openPublisher(plan, connection);
      return started;
    },
    async publish(ids) {
      if (publisher === null) throw new Error('Nobody made the places yet.');
      const bus = publisher;
      const publishAll = async (options: object): Promise<void> => {
        for (const id of ids) await history.publish(bus, topic, { data: { key: keyOf(id) }, id, ...options });
      };
      if (plan.stop?.point !== 'outbox sent') return publishAll({});
      await connection.transaction((session) => publishAll({ session }));
    },
    async ageReplays() {
      const letters = connection.collection('buscoupler_inbox_letters');
      await letters.updateMany({ mark: 'replaying' }, { $set: { at: new Date(Date.now() - 120_000) } });
    },
    async effects() {
      const rows = connection.collection<EffectRow>('effects').find({}).sort({ _id: 1 });
      return (await rows.toArray()).map(({ messageId }) => messageId);
    },
    async close() {
      await Promise.all(processes.map((one) => one.end('SIGKILL')));
      await publisher?.close();
      await connection.dropDatabase();
      await connection.close();
    },
  };
}

function connect({ name, servers }: KillPlan): Promise<mongoose.Connection> {
  const options = { dbName: name, serverSelectionTimeoutMS: 5_000 };
  // Jest refuses the dynamic import by which the driver loads `os`.
  const inJest = { ...options, runtimeAdapters: { os } } as mongoose.ConnectOptions;
  return mongoose.createConnection(servers.mongodb, inJest).asPromise();
}

/** A bus of this process that only publishes; what goes into the outbox others send. */
async function openPublisher(plan: KillPlan, connection: mongoose.Connection): Promise<MessageBus> {
  const bus = await createBus({
    config: await configOf(plan),
    outbox: mongoOutbox(connection),
    relay: false,
    logger: createLogger({ level: 'silent' }),
  });
  await bus.start();
  return bus;
}
