import type { AnyConsumer, ConsumerOptions, HandlerResult } from '../../contract/consumer.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { MessageBus, PublishOptions, Receipt } from '../../contract/message-bus.js';
import type { TopicDefinition } from '../../contract/topic.js';
import { newMessageId } from '../../messages/ids.js';
import { createRecorder, type Recorder } from '../recorder.js';
import type { HistoryEvent } from './history-event.js';

/** Records the history of a bus for {@link checkHistory}, as its users see it. */
export interface HistoryRecorder extends Recorder<HistoryEvent> {
  /**
   * Declares the consumer and wraps its handler: a run is a delivery, a run that returns without a verdict an effect.
   * Give what it returns to `defineConsumer`.
   */
  consumer<Output>(options: ConsumerOptions<Output>): ConsumerOptions<Output>;
  /** Records dead letters, drops and moves. Returns a function that ends it. */
  watch(bus: MessageBus): () => void;
  /** Publishes through the bus and records call and end; resolves and rejects as the bus does. */
  publish<Input>(
    bus: MessageBus,
    topic: TopicDefinition<Input, unknown>,
    publish: PublishOptions & { readonly data: Input },
  ): Promise<Receipt>;
}

/** Options of {@link recordHistory}. */
export interface RecordHistoryOptions {
  /** Names this process in what it publishes. Default: none. */
  readonly producer?: string;
}

/** Starts an empty history. */
export function recordHistory(options: RecordHistoryOptions = {}): HistoryRecorder {
  const history = createRecorder<HistoryEvent>('events');
  return {
    ...history,
    consumer: (given) => recordConsumer(history, given),
    watch: (bus) => watchBus(history, bus),
    publish: async (bus, topic, { data, ...given }) => {
      const { id = newMessageId(Date.now()), key = topic.key?.(data) ?? undefined } = given;
      history.add({
        type: 'publish-invoked',
        id,
        topic: topic.name,
        ...(key === undefined ? {} : { key }),
        ...options,
      });
      try {
        const receipt = await bus.publish(topic, data, { ...given, id });
        history.add({ type: 'publish-ok', id });
        return receipt;
      } catch (error) {
        history.add({ type: isUncertain(error) ? 'publish-uncertain' : 'publish-failed', id });
        throw error;
      }
    },
  };
}

function isUncertain(error: unknown): boolean {
  return error instanceof BuscouplerError && error.code === 'BC_PUBLISH_UNCERTAIN';
}

function recordConsumer<Output>(
  history: Recorder<HistoryEvent>,
  options: ConsumerOptions<Output>,
): ConsumerOptions<Output> {
  const { name: consumer, handle } = options;
  history.add({ type: 'consumer', consumer, topic: (options.topic as AnyConsumer['topic']).name });
  return {
    ...options,
    handle: async (message, context): Promise<HandlerResult> => {
      const { id } = message;
      history.add({ type: 'delivered', consumer, id, broker: context.broker });
      const result = await handle(message, context);
      if (result === undefined) history.add({ type: 'effect', consumer, id });
      return result;
    },
  };
}

function watchBus(history: Recorder<HistoryEvent>, bus: MessageBus): () => void {
  const offs = [
    bus.on('dead-lettered', ({ consumer, id, reason }) =>
      history.add({ type: 'dead-letter', consumer, id, reason }),
    ),
    bus.on('dropped', ({ consumer, id, reason }) => history.add({ type: 'dropped', consumer, id, reason })),
    bus.on('consumer-moved', ({ consumer, from, to }) =>
      history.add({ type: 'handover', consumer, from, to }),
    ),
  ];
  return () => {
    for (const off of offs) off();
  };
}
