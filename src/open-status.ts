import { asBusError, type Bounds, within } from './bounded.js';
import { type CreateBusOptions, type Wiring, wire } from './container.js';
import type { BrokerPort } from './contract/broker.js';
import type { AnyConsumer } from './contract/consumer.js';
import { describeError } from './contract/errors.js';
import type { BrokerName } from './contract/message.js';
import type { LegReport, SeenLeg, StatusReport } from './contract/status-report.js';
import { legReport } from './handover/leg-report.js';
import { createLogger } from './observability/create-logger.js';

/** How the status is read. */
export interface ReadStatusOptions {
  /** Only this consumer. Default: all. */
  readonly consumer?: string;
  /** Longest time for each broker, ms. Default 10,000. */
  readonly timeoutMs?: number;
  /** Ends the reading: what was not seen by then counts as unreachable. */
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 10_000;
const CLOSE_DEADLINE_MS = 1_000;

/** A consumer, the broker that its flag names, and those that its topic is published to. */
interface Followed {
  readonly definition: AnyConsumer;
  readonly feed: BrokerName;
  readonly brokers: readonly BrokerName[];
}

/** Throws BC_CONSUMER_UNKNOWN. */
function followedIn({ consumers, routes, ports }: Wiring, only: string | undefined): Followed[] {
  if (only !== undefined) consumers.get(only);
  return consumers
    .definitions()
    .filter(({ name }) => only === undefined || name === only)
    .map((definition) => {
      const feed = consumers.get(definition.name).status().broker;
      const carriers = routes.planOf(definition.topic).brokers;
      const brokers = [...ports.keys()].filter((one) => one === feed || carriers.includes(one));
      return { definition, feed, brokers };
    });
}

/** What is seen of each consumer by its name. One refused question does not hide the others; a broker that is away does. */
async function surveyBroker(
  port: BrokerPort,
  consumers: readonly AnyConsumer[],
  bounds: Bounds,
): Promise<ReadonlyMap<string, SeenLeg>> {
  const look = async (consumer: AnyConsumer): Promise<readonly [string, SeenLeg]> => {
    try {
      return [consumer.name, { survey: await port.survey(consumer) }];
    } catch (thrown) {
      return [consumer.name, { reason: describeError(thrown) }];
    }
  };
  try {
    return await within(bounds, async (signal) => {
      await port.connect(signal);
      return new Map(await Promise.all(consumers.map(look)));
    });
  } catch (thrown) {
    const { message: reason } = asBusError(thrown);
    return new Map(consumers.map(({ name }) => [name, { reason }]));
  } finally {
    await port.close({ deadlineMs: CLOSE_DEADLINE_MS });
  }
}

/**
 * Looks where every consumer stands on each broker of its topic, from outside of the service that runs them. Changes nothing,
 * joins no group and takes no message; of a broker that is away its legs tell why. Rejects like `createBus`, and with
 * BC_CONSUMER_UNKNOWN.
 */
export async function readStatus(
  options: CreateBusOptions,
  { consumer, timeoutMs = TIMEOUT_MS, signal }: ReadStatusOptions = {},
): Promise<StatusReport> {
  const wiring = wire({ ...options, logger: createLogger({ level: 'silent' }) });
  const { clock, ports } = wiring;
  const followed = followedIn(wiring, consumer);
  const bounds: Bounds = { clock, timeoutMs, signal };
  const seen = new Map(
    await Promise.all(
      [...ports].map(async ([name, port]) => {
        const here = followed.filter(({ brokers }) => brokers.includes(name));
        const definitions = here.map(({ definition }) => definition);
        return [name, await surveyBroker(port, definitions, bounds)] as const;
      }),
    ),
  );
  const nowMs = clock.epochMs();
  const legOf = ({ definition, feed }: Followed, broker: BrokerName): LegReport => {
    const leg = seen.get(broker)?.get(definition.name) ?? { reason: 'It was not looked at.' };
    const retains = ports.get(broker)?.capabilities.retains ?? false;
    return legReport({ broker, isFed: broker === feed, retains, nowMs }, leg);
  };
  return {
    at: new Date(nowMs).toISOString(),
    isEmbedded: options.config.embedded,
    consumers: followed.map((one) => ({
      consumer: one.definition.name,
      broker: one.feed,
      legs: one.brokers.map((broker) => legOf(one, broker)),
    })),
  };
}
