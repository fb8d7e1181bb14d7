import { type Arrivals, type BacklogConsumer, type Broker, fillBacklog } from '../backlog.js';
import { contest, type Side } from '../contest.js';
import { scatter } from '../messages.js';
import type { BenchServers, Row, RowResult } from '../row.js';

/** Enough that the first quarter of a second, before the code is compiled, is a small part of it. */
const COUNT = 60_000;
const DELAY = '1s';
const DELAY_MS = 1_000;

/**
 * Every fifth message takes the path, spread over all keys: ten failures in a row, as of a partition whose keys all fail,
 * would count as a failure of the whole, and be waited for.
 */
const takesPath = (sequence: number): boolean => scatter(sequence) % 5 === 0;

/** Fails at first, and succeeds when it comes back. */
const retried: BacklogConsumer = {
  deferred: [DELAY],
  handle: (arrivals, { data }, { attempt }) => {
    if (takesPath(data.sequence) && attempt === 1) throw new Error('not yet');
    arrivals.add(data.sequence);
  },
};

/** Is given up; it arrives when its letter is stored. */
function givenUp(): BacklogConsumer {
  const sequences = new Map<string, number>();
  return {
    watch: (bus, arrivals) => {
      bus.on('dead-lettered', ({ id }) => arrivals.add(sequences.get(id) as number));
    },
    handle: (arrivals: Arrivals, { id, data }, context) => {
      if (!takesPath(data.sequence)) return arrivals.add(data.sequence);
      sequences.set(id, data.sequence);
      return context.deadLetter('bench');
    },
  };
}

/** Messages per second over the whole backlog, without the wait that was asked for. */
function side(
  servers: BenchServers,
  broker: Broker,
  { how, waitMs }: { how: () => BacklogConsumer; waitMs: number },
): Side {
  return {
    name: 'every fifth one fails',
    open: async () => undefined,
    round: async (count) => {
      const backlog = await fillBacklog(servers, { broker, count }, how());
      const { tookMs } = await backlog.consume();
      await backlog.remove();
      return ((count - 1) * 1_000) / Math.max(1, tookMs - waitMs);
    },
    close: async () => undefined,
  };
}

const row = (name: string, broker: Broker, path: { how: () => BacklogConsumer; waitMs: number }): Row => ({
  name,
  needs: 'servers',
  run: async (servers): Promise<RowResult> => {
    const plain = side(servers, broker, { how: () => ({}), waitMs: 0 });
    const result = await contest(side(servers, broker, path), plain, { rounds: 3, count: COUNT });
    return { name, unit: 'msg/s', ...result, goal: null, stretch: 0, lessIsBetter: false };
  },
});

const RETRIED = { how: () => retried, waitMs: DELAY_MS };
const GIVEN_UP = { how: givenUp, waitMs: 0 };

export const failurePathRows: readonly Row[] = [
  row('failures: RabbitMQ, every fifth message retried after 1 s / none', 'rabbitmq', RETRIED),
  row('failures: Kafka, every fifth message retried after 1 s / none', 'kafka', RETRIED),
  row('failures: RabbitMQ, every fifth message dead-lettered / none', 'rabbitmq', GIVEN_UP),
  row('failures: Kafka, every fifth message dead-lettered / none', 'kafka', GIVEN_UP),
];
