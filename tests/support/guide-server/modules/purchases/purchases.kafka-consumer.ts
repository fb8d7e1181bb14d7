// The guide's "Publishing Messages", "Consuming Messages" and "Consumer Error Handling", as they are written there.
import * as z from 'zod';
import { createRecorder } from '../../../../../src/testing/recorder.js';
import { KafkaClient } from '../../kafka/index.js';
import { MY_CONSUMER_GROUP, MY_TOPIC } from '../../names.js';

const messageSchema = z.object({ userId: z.string(), action: z.string(), amount: z.number() });

/** What was processed and dropped. */
export const purchases = createRecorder<unknown>('purchases');

export const publishPurchases = async () => {
  // Publish a message to a topic
  await KafkaClient.publishToTopic(MY_TOPIC, {
    userId: '123',
    action: 'purchase',
    amount: 100,
  });

  // Publish with a specific key (for partitioning)
  const messageData = { userId: '123', action: 'refund' };
  await KafkaClient.publishToTopic(MY_TOPIC, messageData, 'user-123');
};

// Setup a consumer
export const setupPurchasesConsumer = async () => {
  await KafkaClient.consumeFromTopic(
    MY_TOPIC, // Topic name
    MY_CONSUMER_GROUP, // Consumer group ID
    async (data) => {
      try {
        // Validate data
        const validatedData = messageSchema.parse(data);

        // Process data
        purchases.add(validatedData);
        // biome-ignore lint/suspicious/noExplicitAny: the guide's code
      } catch (error: any) {
        // Drop message for validation errors (avoid infinite loops)
        if (
          error.name === 'ValidationError' ||
          error.name === 'ZodError' ||
          error.code === 11000 // MongoDB duplicate key
        ) {
          purchases.add('Dropping message to avoid infinite loop');
          return;
        }

        // Re-throw for other errors (will send to DLT)
        throw error;
      }
    },
  );
};
