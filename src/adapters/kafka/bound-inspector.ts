import type { Clock } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { InspectClient } from './driver.js';

/** Longest wait for one answer, ms: one question that a node leaves open must not hide the answers to the others. */
const LIMIT_MS = 3_000;

/** The same questions, each with a limit of its own. */
export function boundInspector(client: InspectClient, clock: Clock): InspectClient {
  const bound =
    <Args extends readonly unknown[], Answer>(ask: (...args: Args) => Promise<Answer>) =>
    (...args: Args): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const late = new BuscouplerError(
          'BC_BROKER_UNAVAILABLE',
          `Kafka did not answer within ${LIMIT_MS} ms.`,
        );
        const timer = clock.schedule(() => reject(late), LIMIT_MS, { keepAlive: true });
        ask(...args)
          .then(resolve, reject)
          .finally(() => timer.cancel());
      });
  return {
    version: bound(() => client.version()),
    nodeCount: bound(() => client.nodeCount()),
    nodeSettings: bound((names) => client.nodeSettings(names)),
    topicSettings: bound((topic, names) => client.topicSettings(topic, names)),
    topic: bound((topic) => client.topic(topic)),
    validate: bound((topic) => client.validate(topic)),
    groupOperations: bound((group) => client.groupOperations(group)),
    close: () => client.close(),
  };
}
