import type { ClientContext } from './client-options.js';
import { codecFor } from './codecs.js';
import type { ProducerClient } from './driver.js';
import { NodeConnections } from './node-connections.js';
import { createProduceRequest } from './produce-request.js';

/** A producer over kafkajs' connections with requests of our own. */
export function createKafkajsProducer(context: ClientContext): ProducerClient {
  const connections = new NodeConnections(context);
  const { requestTimeoutMs, compression } = context.settings;
  const loadCodec = async () => (compression === 'none' ? null : codecFor(compression));

  return {
    connect: async () => {
      await Promise.all([loadCodec(), connections.any()]);
    },
    describe: (topic) => connections.describe(topic),
    open: async (node) => {
      await connections.of(node);
    },
    produce: async (node, batches) => {
      const broker = await connections.of(node);
      const codec = await loadCodec();
      const request = await createProduceRequest(batches, { timeoutMs: requestTimeoutMs, codec });
      const { partitions } = await connections.send(broker, request);
      return partitions;
    },
    close: () => connections.close(),
  };
}
