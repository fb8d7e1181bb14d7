import type { ConsumerDefinition } from '../index.js';

/** A handler as the guide has it: it gets the data alone, and what it returns is not looked at. */
// biome-ignore lint/suspicious/noExplicitAny: the guide's handlers take their data as it is and check it themselves
export type DataHandler = (data: any) => unknown;

type Handle = ConsumerDefinition['handle'];

const DUPLICATE_KEY = 11_000;

/** Why the guide drops a message that failed like this; `null`: it does not. */
function dropReasonOf(thrown: unknown): string | null {
  if (typeof thrown !== 'object' || thrown === null) return null;
  const { name, code } = thrown as { readonly name?: unknown; readonly code?: unknown };
  if (name === 'ValidationError' || name === 'ZodError') return name;
  return code === DUPLICATE_KEY ? 'duplicate key' : null;
}

/**
 * The guide's rules around a handler: what fails as `ValidationError`, `ZodError` or with MongoDB's code 11000, whatever index
 * that is of, is logged and dropped, and gone. Everything else is the retry policy's.
 */
export const dropLossy =
  (handler: DataHandler): Handle =>
  async ({ data, topic, position }, context) => {
    try {
      await handler(data);
    } catch (error) {
      const reason = dropReasonOf(error);
      if (reason === null) throw error;
      const fields = { mark: 'warning', err: error, id: context.messageId };
      context.logger.warn(fields, 'Dropping message to avoid infinite loop');
      return context.drop(reason);
    }
    const where =
      position.broker === 'kafka'
        ? `Partition: ${position.partition}, Offset: ${position.offset}`
        : `Queue: ${position.queue}`;
    const fields = { mark: 'success', id: context.messageId };
    context.logger.debug(fields, `Message processed from topic '${topic}' (${where})`);
    return undefined;
  };
