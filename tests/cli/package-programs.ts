import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Publishes, fails once, handles and closes; prints one JSON line. Needs the names of the package in scope. */
const BODY = `
  const topic = defineTopic({ name: 'greetings_topic' });
  let handled;
  const done = new Promise((resolve) => { handled = resolve; });
  const consumer = defineConsumer({
    name: 'greetings', topic, group: 'greetings-group',
    retry: { inline: { attempts: 2, backoff: { initialMs: 1 } } },
    handle: ({ data }, { attempt, broker }) => {
      if (attempt === 1) throw new Error('once');
      handled({ data, broker });
    },
  });
  const bus = await createBus({
    config: await loadConfig({ EMBEDDED: 'true', LOG_LEVEL: 'silent' }, { file: false }),
    topics: [topic], consumers: [consumer], inbox: memoryInbox(),
  });
  await bus.start();
  const { brokers } = await bus.publish(topic, { hello: 'world' });
  const result = { brokers, ...(await done) };
  const unknown = await bus.publish('no_such_topic', 1).catch((error) => error);
  result.code = unknown instanceof BuscouplerError ? unknown.code : String(unknown);
  await bus.close();
`;

const NAMES = 'BuscouplerError, createBus, defineConsumer, defineTopic, loadConfig, memoryInbox';

/** What every program that runs {@link BODY} ends with. */
export const EXPECTED = {
  brokers: { kafka: 'stored', rabbitmq: 'stored' },
  data: { hello: 'world' },
  broker: 'rabbitmq',
  code: 'BC_PUBLISH_FAILED',
};

const TYPED = `
import { createBus, defineTopic, loadConfig, type MessageBus, type Receipt } from 'buscoupler';
const topic = defineTopic<{ user: string }>({ name: 'typed_topic', key: (data) => data.user });
export async function run(): Promise<Receipt> {
  const bus: MessageBus = await createBus({ config: await loadConfig({ EMBEDDED: 'true' }), topics: [topic] });
  // @ts-expect-error the data of a topic is typed
  await bus.publish(topic, { user: 1 });
  return bus.publish(topic, { user: 'a' });
}
`;

/** The guide's client, as its users import it; prints what was handled. */
const CLIENT = `
  let handled;
  const done = new Promise((resolve) => { handled = resolve; });
  await KafkaClient.consumeFromTopic('my_topic', 'my-consumer-group', async (data) => handled(data));
  await initializeKafka({ env: { EMBEDDED: 'true', LOG_LEVEL: 'silent' }, file: false });
  await KafkaClient.publishToTopic('my_topic', { userId: '123' }, 'user-123');
  console.log(JSON.stringify(await done));
  await KafkaClient.close();
`;

const TYPED_CLIENT = `
import { type Clients, createClients, initializeKafka, KafkaClient } from 'buscoupler/kafka-client';
export const clients: Clients = createClients();
export async function run(): Promise<void> {
  await KafkaClient.consumeFromTopic('my_topic', 'my-consumer-group', async (data) => console.log(data));
  // @ts-expect-error a handler is a function
  await KafkaClient.consumeFromTopic('my_topic', 'my-consumer-group', 'handle');
  await initializeKafka();
}
`;

/** Needs mongoose's types; the programs above do without. */
const TYPED_MONGO = `
import { defineConsumer, defineTopic, type Inbox } from 'buscoupler';
import { mongoInbox } from 'buscoupler/mongo';
import mongoose from 'mongoose';
export const inbox: Inbox = mongoInbox(mongoose.connection, { ttl: '40d' });
export const consumer = defineConsumer({
  name: 'typed', topic: defineTopic<{ user: string }>({ name: 'typed_topic' }), group: 'typed-group',
  inbox: { transaction: true },
  handle: async ({ data }, { session }) => {
    // @ts-expect-error without a transaction there is no session
    session.inTransaction();
    await mongoose.connection.collection('users').insertOne(data, session === undefined ? {} : { session });
  },
});
// @ts-expect-error options are typed
mongoInbox(mongoose.connection, { ttlMs: 1 });
`;

/** Programs of a user, by file name. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'use.mjs': `import { ${NAMES} } from 'buscoupler';\n${BODY}\nconsole.log(JSON.stringify(result));\n`,
  'use.cjs': `const { ${NAMES} } = require('buscoupler');\n(async () => {${BODY}\nconsole.log(JSON.stringify(result));\n})();\n`,
  'client.mjs': `import { initializeKafka, KafkaClient } from 'buscoupler/kafka-client';\n${CLIENT}`,
  'client.cjs': `const { initializeKafka, KafkaClient } = require('buscoupler/kafka-client');\n(async () => {${CLIENT}})();\n`,
  'use.test.js': `const { ${NAMES} } = require('buscoupler');\ntest('runs in Jest', async () => {${BODY}\nexpect(result).toEqual(${JSON.stringify(EXPECTED)});\n});\n`,
  'same.cjs': `const names = ['buscoupler', 'buscoupler/testing', 'buscoupler/mongo', 'buscoupler/kafka-client'];
Promise.all(names.map((name) => import(name))).then((modules) => {
  console.log(names.every((name, index) => {
    const required = require(name);
    return Object.keys(required).length > 0 && Object.keys(required).every((key) => required[key] === modules[index][key]);
  }));
});
`,
  'deep.mjs': `import('buscoupler/dist/esm/container.js').catch((error) => console.log(error.code));\n`,
  'typed.mts': TYPED,
  'typed.cts': TYPED,
  'client-typed.mts': TYPED_CLIENT,
  'client-typed.cts': TYPED_CLIENT,
  'mongo/typed.mts': TYPED_MONGO,
  'mongo/typed.cts': TYPED_MONGO,
  'mongo/tsconfig.json': tsconfigOf(['typed.mts', 'typed.cts'], { skipLibCheck: true }),
  'tsconfig.json': tsconfigOf(['typed.mts', 'typed.cts', 'client-typed.mts', 'client-typed.cts'], {
    skipLibCheck: false,
  }),
};

function tsconfigOf(files: readonly string[], options: { readonly skipLibCheck: boolean }): string {
  return JSON.stringify({
    compilerOptions: {
      module: 'nodenext',
      target: 'es2023',
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      types: ['node'],
      ...options,
    },
    files,
  });
}

/** Writes the programs and a package that depends on nothing yet. */
export function writePrograms(folder: string): void {
  mkdirSync(join(folder, 'mongo'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'commonjs' }));
  for (const [name, text] of Object.entries(PROGRAMS)) writeFileSync(join(folder, name), text);
}
