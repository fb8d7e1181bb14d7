import type { AnyConsumer, ConsumerOptions, HandlerContext, HandlerResult } from '../../contract/consumer.js';
import { defineConsumer } from '../../contract/define-consumer.js';
import { defineTopic } from '../../contract/define-topic.js';
import type { BusEventName, BusEvents } from '../../contract/events.js';
import type { Headers, Message } from '../../contract/message.js';
import type { MessageBus } from '../../contract/message-bus.js';
import type { AnyTopic, TopicDefinition, TopicOptions } from '../../contract/topic.js';
import { createRecorder, type Recorder } from '../recorder.js';
import type { ContractRig, RigBusOptions } from './contract-rig.js';

/** A message that a handler has finished with. */
export interface Handled {
  readonly id: string;
  readonly data: unknown;
  readonly key: string | null;
  readonly headers: Headers;
  readonly publishedAt: Date | null;
  readonly attempt: number;
}

/** What a case says of its consumer. */
export interface SceneConsumer extends Partial<Omit<ConsumerOptions<unknown>, 'handle'>> {
  /** Runs before the message is recorded as handled. Default: nothing. */
  readonly handle?: (message: Message, context: HandlerContext) => HandlerResult | Promise<HandlerResult>;
}

/** A consumer and what it handled. */
export interface Watched {
  readonly consumer: AnyConsumer;
  readonly handled: Recorder<Handled>;
}

/** What {@link openScene} takes. */
export interface SceneOptions {
  readonly topic?: Partial<TopicOptions>;
  readonly consumer?: SceneConsumer;
  readonly bus?: RigBusOptions;
  /** `publish`: started, but the consumer is not. `none`: not started at all. Default `all`. */
  readonly start?: 'all' | 'publish' | 'none';
}

/** One topic, one consumer, one bus. */
export interface Scene extends Watched {
  readonly bus: MessageBus;
  readonly topic: TopicDefinition;
}

/** A topic with a name of its own: few partitions, which are quick to create. */
export const topicOf = (rig: ContractRig, options: Partial<TopicOptions> = {}): TopicDefinition =>
  defineTopic({
    name: rig.uniqueName('orders'),
    ...options,
    kafka: { partitions: 4, ...options.kafka },
  });

/** A consumer with names of its own that records what it handled. A failing message is tried again at once. */
export function watch(rig: ContractRig, topic: AnyTopic, options: SceneConsumer = {}): Watched {
  const handled = createRecorder<Handled>('handled messages');
  const { handle, ...rest } = options;
  const consumer = defineConsumer({
    name: rig.uniqueName('billing'),
    topic,
    group: rig.uniqueName('billing-group'),
    retry: { inline: { attempts: 3, backoff: { initialMs: 1, maxMs: 5 } } },
    ...rest,
    handle: async (message, context) => {
      const result = await handle?.(message, context);
      const { id, data, key, headers, publishedAt } = message;
      handled.add({ id, data, key, headers, publishedAt, attempt: context.attempt });
      return result;
    },
  });
  return { consumer, handled };
}

/** Opens and starts what most cases need. */
export async function openScene(rig: ContractRig, options: SceneOptions = {}): Promise<Scene> {
  const topic = topicOf(rig, options.topic);
  const watched = watch(rig, topic, options.consumer);
  const bus = await rig.openBus({ topics: [topic], consumers: [watched.consumer], ...options.bus });
  const { start = 'all' } = options;
  if (start !== 'none') await bus.start({ consume: start === 'all' });
  return { ...watched, bus, topic };
}

/** Records one kind of event of a bus. */
export function record<Name extends BusEventName>(bus: MessageBus, name: Name): Recorder<BusEvents[Name]> {
  const recorder = createRecorder<BusEvents[Name]>(`events "${name}"`);
  bus.on(name, (event) => recorder.add(event));
  return recorder;
}
