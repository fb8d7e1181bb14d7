import {
  type ConsumerDefinition,
  defineConsumer,
  defineTopic,
  type MessageBus,
  type Receipt,
} from '../../index.js';
import { type ConsumingOptions, consuming } from '../consuming.js';
import { dropInvalid } from '../drop-invalid.js';
import type { ServerModule } from '../server-module.js';
import { type CreditsMessage, creditsSchema } from './credits-process.schema.js';
import {
  type CreditsContext,
  CreditsProcessService,
  type CreditsServiceParts,
} from './credits-process.service.js';
import type { RequestState } from './credits-process.store.js';

/** Parts of the module. */
export interface CreditsProcessOptions extends CreditsServiceParts, ConsumingOptions {}

/** How a message is published. */
export interface SendOptions {
  /** Message id; repeating a message with it is safe. */
  readonly id?: string;
}

/** What the module publishes; both keep one user's messages in order. */
export interface CreditsProcessPublisher {
  /** A request begins: what it is going to use. */
  sendCreditsProcess(data: CreditsMessage, options?: SendOptions): Promise<Receipt>;
  /** It ended: what it used. */
  sendCreditsProcessEnd(data: CreditsMessage, options?: SendOptions): Promise<Receipt>;
}

/** The module, and its service for what is asked without a message. */
export interface CreditsProcessModule extends ServerModule<CreditsProcessPublisher> {
  readonly service: CreditsProcessService;
}

const creditsProcess = defineTopic({
  name: 'credits_process_topic',
  schema: creditsSchema,
  key: ({ user }) => user,
});

const creditsProcessEnd = defineTopic({
  name: 'credits_process_end_topic',
  schema: creditsSchema,
  key: ({ user }) => user,
});

/** Reserves credits when a request begins, and settles them when it has ended. The two topics have no mutual order. */
export function creditsProcessModule(options: CreditsProcessOptions): CreditsProcessModule {
  const { store } = options;
  const service = new CreditsProcessService(options);
  const consume = (
    name: 'credits-process' | 'credits-process-end',
    act: (message: CreditsMessage, context: CreditsContext) => Promise<RequestState>,
  ): ConsumerDefinition<CreditsMessage> =>
    defineConsumer({
      name,
      topic: name === 'credits-process' ? creditsProcess : creditsProcessEnd,
      group: `zaaz-server-${name}-group`,
      ...consuming(options),
      handle: dropInvalid(async ({ data }, { messageId, session, logger }) => {
        const state = await act(data, { messageId, session });
        logger.debug({ request: data.request, state }, `Request ${state}`);
      }),
    });
  return {
    service,
    topics: [creditsProcess, creditsProcessEnd],
    consumers: [
      consume('credits-process', (message, context) => service.startRequest(message, context)),
      consume('credits-process-end', (message, context) => service.endRequest(message, context)),
    ],
    prepare: () => store.prepare(),
    publisher: (bus: MessageBus) => ({
      sendCreditsProcess: (data, given) => bus.publish(creditsProcess, data, given),
      sendCreditsProcessEnd: (data, given) => bus.publish(creditsProcessEnd, data, given),
    }),
  };
}
