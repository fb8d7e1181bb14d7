import type { Clock } from '../../contract/clock.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import { parseDurationMs } from '../../contract/duration.js';
import type { Logger } from '../../contract/logger.js';
import { retryTopicOf } from '../../messages/names.js';
import type { AdminClient } from './driver.js';
import { depthOf } from './group-depth.js';

/** Pause between two looks, ms. */
const LOOK_EVERY_MS = 60_000;

/** What a watch needs. */
export interface LeftoverContext {
  readonly admin: AdminClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** True once the consumer is not read here any more. */
  readonly isOver: () => boolean;
  /** Called with a delay, ms, whose topic must be read. May be called again with the same one. */
  readonly onFound: (delayMs: number) => void;
}

/**
 * Finds what is left in retry topics of delays that were taken out of `retry.deferred`: such a topic is read on until it is
 * empty for its group (everything in it is committed). It looks again and again, because an instance with the old list may
 * still write to it after the last reader of that list is gone. Topics are listed once; a look that fails is made up for by
 * the next.
 */
export async function watchLeftovers(consumer: AnyConsumer, context: LeftoverContext): Promise<void> {
  const { admin, clock, logger, isOver, onFound } = context;
  let retired: ReadonlyMap<string, number> | null = null;
  const look = async (): Promise<void> => {
    try {
      retired ??= await findRetired(admin, consumer);
      for (const [topic, delayMs] of retired) {
        if ((await depthOf(admin, consumer.group, topic)) > 0 && !isOver()) onFound(delayMs);
      }
    } catch (error) {
      logger.debug({ err: error, group: consumer.group }, 'kafka retry topics could not be looked at');
    }
    if (!isOver()) clock.schedule(() => void look(), LOOK_EVERY_MS);
  };
  await look();
}

/** The retry topics of a consumer that exist on the broker but not in its list, and what they delay, ms. */
export async function findRetired(
  admin: AdminClient,
  consumer: AnyConsumer,
): Promise<ReadonlyMap<string, number>> {
  const listed = [0, ...consumer.retry.deferredMs];
  const retired = new Map<string, number>();
  for (const topic of await admin.listTopics()) {
    const delayMs = delayOf(topic, consumer);
    if (delayMs !== null && !listed.includes(delayMs)) retired.set(topic, delayMs);
  }
  return retired;
}

/** What a topic delays, if it is a retry topic of this consumer by its name; the name must be the one that we would give. */
function delayOf(topic: string, consumer: AnyConsumer): number | null {
  const duration = /_retry_(\d+(?:ms|s|m|h|d))$/.exec(topic)?.[1];
  if (duration === undefined) return null;
  const delayMs = parseDurationMs(duration, topic);
  return retryTopicOf(consumer, delayMs) === topic ? delayMs : null;
}
