import type { ConsumerDefinition } from '../index.js';

type Handle<Data> = ConsumerDefinition<Data>['handle'];

const isInvalid = (error: unknown): error is Error =>
  error instanceof Error && (error.name === 'ValidationError' || error.name === 'ZodError');

/**
 * The guide's rule for what a handler finds invalid: a `ValidationError` (mongoose) or `ZodError` is logged and the message
 * dropped; every other error is the retry policy's.
 */
export const dropInvalid =
  <Data>(handle: Handle<Data>): Handle<Data> =>
  async (message, context) => {
    try {
      return await handle(message, context);
    } catch (error) {
      if (!isInvalid(error)) throw error;
      context.logger.warn({ err: error }, 'The message is invalid and dropped');
      return context.drop(error.name);
    }
  };
