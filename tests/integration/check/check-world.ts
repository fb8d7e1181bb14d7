import { randomBytes } from 'node:crypto';
import {
  type CreateBusOptions,
  checkSetup,
  createBus,
  createLogger,
  defineConsumer,
  defineTopic,
  type Inbox,
  loadConfig,
  memoryInbox,
  type SetupReport,
} from '../../../src/index.js';

type ConsumerChanges = Partial<Parameters<typeof defineConsumer>[0]>;
type TopicChanges = Partial<Parameters<typeof defineTopic>[0]>;

/** What a service under check differs in. */
export interface Changes {
  readonly env: Readonly<Record<string, string>>;
  readonly topic?: TopicChanges;
  readonly consumer?: ConsumerChanges;
}

/** Remembers as long as a store would; nothing is kept in it here. */
const sharedInbox = (): Inbox => ({ ...memoryInbox(), isShared: true, ttlMs: 30 * 24 * 3_600_000 });

/** A service with one topic and one consumer, in names of its own. */
export async function someService({ env, topic: topicChanges, consumer }: Changes) {
  const name = `check_${randomBytes(6).toString('hex')}`;
  const topic = defineTopic({ name, ...topicChanges });
  const reader = defineConsumer({
    name: name.replaceAll('_', '-'),
    topic,
    group: `${name}-group`,
    retry: { deferred: ['5s'] },
    handle: () => undefined,
    ...consumer,
  });
  const options: CreateBusOptions = {
    config: await loadConfig(env, { file: false }),
    topics: [topic],
    consumers: [reader],
    inbox: sharedInbox(),
    logger: createLogger({ level: 'silent' }),
  };
  return { name, queue: `${name}-group`, options };
}

/** Starts and closes the service once, so that everything it needs is there. */
export async function startOnce(options: CreateBusOptions): Promise<void> {
  const bus = await createBus(options);
  await bus.start({ consume: false });
  await bus.close();
}

/** Ids of errors and warnings that are not those of a cluster of one node. */
export const troubles = ({ findings }: SetupReport): string[] =>
  findings
    .filter(({ id, severity }) => (severity === 'error' || severity === 'warning') && !/-few-nodes$/.test(id))
    .map(({ id }) => id);

/** Resolves when the troubles are these: a cluster hears of a change node by node. */
export async function untilTroubles(options: CreateBusOptions, ids: readonly string[]): Promise<void> {
  while ((await troublesOf(options)).join() !== ids.join()) await new Promise(setImmediate);
}

/** Checks, and tells the troubles alone. */
export const troublesOf = async (options: CreateBusOptions): Promise<string[]> =>
  troubles(await checkSetup(options));
