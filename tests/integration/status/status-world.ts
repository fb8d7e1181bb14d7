import { randomBytes } from 'node:crypto';
import {
  type CreateBusOptions,
  createBus,
  createLogger,
  defineConsumer,
  defineTopic,
  loadConfig,
  readStatus,
} from '../../../src/index.js';

/** What becomes of a message of the world. */
type Fate = 'done' | 'retry' | 'dead';

/** A message that says what becomes of it. */
type Told = { readonly fate: Fate };

/** A service whose consumer does with each message what it says, in names of its own. */
export async function statusWorld(env: Readonly<Record<string, string>>) {
  const name = `status_${randomBytes(6).toString('hex')}`;
  const topic = defineTopic<Told>({ name, kafka: { partitions: 3 } });
  let left = 0;
  let allEnded = (): void => undefined;
  const end = (): void => {
    left -= 1;
    if (left === 0) allEnded();
  };
  const consumer = defineConsumer<Told>({
    name: name.replaceAll('_', '-'),
    topic,
    group: `${name}-group`,
    retry: { inline: { attempts: 1 }, deferred: ['1h'] },
    handle: ({ data: { fate } }, context) => {
      if (fate === 'dead') return context.deadLetter('as it says');
      if (fate === 'retry') throw new Error('as it says');
      end();
      return undefined;
    },
  });
  const options: CreateBusOptions = {
    config: await loadConfig(env, { file: false }),
    topics: [topic],
    consumers: [consumer],
    logger: createLogger({ level: 'silent' }),
  };

  /** Handles one message of each fate to its end, stops, and leaves so many behind that nobody takes. */
  async function leaveBehind(fates: readonly Fate[], waiting: number): Promise<void> {
    const bus = await createBus(options);
    await bus.start();
    left = fates.length;
    const ended = new Promise<void>((resolve) => {
      allEnded = resolve;
    });
    bus.on('retry-stored', end);
    bus.on('dead-lettered', end);
    for (const fate of fates) await bus.publish(topic, { fate });
    await ended;
    await bus.consumer(consumer.name).stop();
    for (let n = 0; n < waiting; n += 1) await bus.publish<Told>(topic, { fate: 'done' });
    await bus.close();
  }

  /** Does something while the service runs. */
  async function run(act: () => Promise<void>): Promise<void> {
    const bus = await createBus(options);
    await bus.start();
    try {
      await act();
    } finally {
      await bus.close();
    }
  }

  return {
    run,
    name,
    topic,
    consumer,
    /** The same service under other settings. */
    readWith: async (other: Readonly<Record<string, string>>): Promise<CreateBusOptions> => ({
      ...options,
      config: await loadConfig(other, { file: false }),
    }),
    group: `${name}-group`,
    options,
    leaveBehind,
    leg: async () => (await readStatus(options)).consumers[0]?.legs[0],
  };
}
