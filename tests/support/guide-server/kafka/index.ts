// All that is left of the guide's `src/app/kafka/index.ts`; in a service it says 'buscoupler/kafka-client'.
export { initializeKafka, KafkaClient } from '../../../../src/compat/kafka-client.js';
