import mongoose from 'mongoose';
import { createBus, createLogger, defineConsumer, defineTopic, loadConfig } from '../../../src/index.js';
import { mongoInbox } from '../../../src/mongo.js';

/** An instance that handles one message and stands still at the step that it is told, for its killer. */
const [url = '', dbName = '', step = ''] = process.argv.slice(2);

const connection = await mongoose.createConnection(url, { dbName }).asPromise();
const orders = defineTopic<{ n: number }>({ name: 'orders' });
const standStill = (): Promise<never> => {
  process.stdout.write('here\n');
  setInterval(() => undefined, 1_000);
  return new Promise(() => undefined);
};
const inbox = mongoInbox(connection, { lease: '1s' });
if (step === 'done') {
  const { markDone } = inbox;
  inbox.markDone = async (...args) => {
    await markDone.apply(inbox, args);
    return standStill();
  };
}
const bus = await createBus({
  config: await loadConfig({ EMBEDDED: 'true' }, { file: false }),
  topics: [orders],
  consumers: [
    defineConsumer<{ n: number }>({
      name: 'billing',
      topic: orders,
      group: 'billing-group',
      timeoutMs: 4_000,
      inbox: { transaction: step === 'transaction' },
      handle: async ({ data }, { session }) => {
        await connection
          .collection('effects')
          .insertOne({ n: data.n }, session === undefined ? {} : { session });
        if (step !== 'done') await standStill();
      },
    }),
  ],
  inbox,
  logger: createLogger({ level: 'silent' }),
});
await bus.start();
await bus.publish(orders, { n: 1 }, { id: 'one' });
