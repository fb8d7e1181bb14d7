import type { SkippedBatch } from '../../contract/broker.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import { BuscouplerError } from '../../contract/errors.js';
import { formatLogPosition, type LogPosition } from '../../contract/log-position.js';
import { kafkaTopicOf, retryTopicOf } from '../../messages/names.js';
import type { AdminClient } from './driver.js';
import { protocolErrorOf } from './errors.js';
import { startsOf } from './group-depth.js';
import type { StuckBatch } from './poison-letter.js';
import { toSkipped } from './poisoned-partitions.js';
import { isWithin } from './skip-list.js';
import { findUndecodable } from './undecodable.js';

/** What stepping over needs while the group is stopped. */
export interface SkipContext {
  readonly admin: AdminClient;
  /** Stores the bytes of the batch; false: it could not be. Never rejects. */
  readonly bury: (consumer: AnyConsumer, stuck: StuckBatch) => Promise<boolean>;
}

const refused = (position: LogPosition, why: string): BuscouplerError =>
  new BuscouplerError('BC_SKIP_REFUSED', `"${formatLogPosition(position)}" is not skipped: ${why}.`);

function isReadBy(consumer: AnyConsumer, topic: string): boolean {
  const retries = retryTopicOf(consumer, 0).replace(/0s$/, '');
  return topic === kafkaTopicOf(consumer.topic) || topic.startsWith(retries);
}

/**
 * The batch at which a group without members stands, if it holds the position and cannot be decoded; `null`: it can, or the
 * group stands elsewhere. Throws BC_SKIP_REFUSED while the group has members or messages before the batch are not handled.
 */
export async function findWhileStopped(
  admin: AdminClient,
  consumer: AnyConsumer,
  position: LogPosition,
): Promise<StuckBatch | null> {
  const { group, name } = consumer;
  const { topic, partition } = position;
  if (!isReadBy(consumer, topic)) throw refused(position, `"${name}" does not read the topic "${topic}"`);
  if (!(await admin.isGroupEmpty(group))) throw refused(position, `the group "${group}" has members`);
  const offset = (await startsOf(admin, group, topic)).get(partition);
  if (offset === undefined) return null;
  const culprit = await findUndecodable(admin, { topic, partition, offset, consumer: name });
  const batch = culprit === null ? null : await admin.readRaw({ topic, partition, offset: culprit.offset });
  if (culprit === null || batch === null) return null;
  const stuck = { topic, partition, batch, error: culprit.error };
  if (!isWithin(position, stuck)) return null;
  const before = culprit.before.reduce((sum, { records }) => sum + records.length, 0);
  if (before > 0) throw refused(position, `${before} messages before it are not handled; let the group run`);
  return stuck;
}

/** Moves the commit of a group without members past the batch that {@link findWhileStopped} finds, and throws what it throws. */
export async function skipWhileStopped(
  { admin, bury }: SkipContext,
  consumer: AnyConsumer,
  position: LogPosition,
): Promise<SkippedBatch | null> {
  const stuck = await findWhileStopped(admin, consumer, position);
  if (stuck === null) return null;
  const { group } = consumer;
  const isStored = await bury(consumer, stuck);
  await commitPast(admin, group, stuck).catch((thrown) => {
    // Somebody joined meanwhile.
    if (protocolErrorOf(thrown) === 'UNKNOWN_MEMBER_ID')
      throw refused(position, `the group "${group}" has members`);
    throw thrown;
  });
  return toSkipped(stuck, isStored);
}

async function commitPast(
  admin: AdminClient,
  group: string,
  { topic, partition, batch }: StuckBatch,
): Promise<void> {
  const offset = batch.lastOffset + 1n;
  await admin.commitGroupOffsets(group, [{ topic, offsets: [{ partition, offset }] }]);
  const commits = await admin.groupOffsets(group, topic);
  if (commits.find((one) => one.partition === partition)?.offset === offset) return;
  throw new BuscouplerError(
    'BC_BROKER_UNAVAILABLE',
    `Kafka did not keep the commit of the group "${group}".`,
  );
}
