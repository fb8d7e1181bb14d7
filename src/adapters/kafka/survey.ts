import type { AnyConsumer } from '../../contract/consumer.js';
import type { Survey } from '../../contract/survey.js';
import { deadLetterTopicOf, kafkaTopicOf, retryTopicsOf } from '../../messages/names.js';
import type { AdminClient, PartitionOffset } from './driver.js';
import { GROUPS_TOPIC } from './groups-topic.js';
import { findRetired } from './retry-leftovers.js';
import { mayBeUndecodable } from './undecodable.js';

/** A partition that is not read to its end. */
interface Backlog {
  readonly partition: number;
  /** What the group reads next. */
  readonly offset: bigint;
  readonly records: bigint;
}

/** Counts what there is for a consumer. Changes nothing, joins no group. Rejects with the client's own error. */
export async function surveyConsumer(admin: AdminClient, consumer: AnyConsumer): Promise<Survey> {
  const { group } = consumer;
  const topic = kafkaTopicOf(consumer.topic);
  // Asking for a group makes Kafka create the topic of groups; until it is there, no group has anything.
  const hasGroups = (await admin.describe(GROUPS_TOPIC).catch(() => [])) !== null;
  const reader = { admin, group: hasGroups ? group : null };
  const isThere = (await admin.describe(topic)) !== null;
  const startFrom = consumer.kafka.startFrom ?? 'earliest';
  const backlog = isThere ? await backlogOf(reader, topic, startFrom) : [];
  const retired = await findRetired(admin, consumer);
  const retries = await Promise.all(
    [...retryTopicsOf(consumer), ...retired.keys()].map((one) => backlogOf(reader, one, 'earliest')),
  );
  return {
    waiting: isThere ? countOf(backlog) : null,
    unsettled: null,
    oldestAtMs: await oldestOf(admin, topic, backlog),
    retries: countOf(retries.flat()),
    deadLetters: await recordsIn(admin, deadLetterTopicOf(consumer)),
    readers: hasGroups ? await admin.memberCount(group) : 0,
  };
}

const countOf = (backlog: readonly Backlog[]): number =>
  Number(backlog.reduce((sum, { records }) => sum + records, 0n));

const byPartition = (offsets: readonly PartitionOffset[]): ReadonlyMap<number, bigint> =>
  new Map(offsets.map(({ partition, offset }) => [partition, offset]));

/** Partitions in which something waits for the group; what retention has taken does not. */
async function backlogOf(
  { admin, group }: { readonly admin: AdminClient; readonly group: string | null },
  topic: string,
  startFrom: 'earliest' | 'latest',
): Promise<Backlog[]> {
  if ((await admin.describe(topic)) === null) return [];
  // Commits first: what is stored and committed meanwhile must not make a lag below none.
  const commits = byPartition(group === null ? [] : await admin.groupOffsets(group, topic));
  const [firsts, ends] = await Promise.all([
    admin.edgeOffsets(topic, 'first'),
    admin.edgeOffsets(topic, 'end'),
  ]);
  const first = byPartition(firsts);
  return ends.flatMap(({ partition, offset: end }) => {
    const committed = commits.get(partition) ?? -1n;
    const begin = startFrom === 'latest' && committed < 0n ? end : (first.get(partition) ?? 0n);
    const offset = committed > begin ? committed : begin;
    return end > offset ? [{ partition, offset, records: end - offset }] : [];
  });
}

/** When the oldest of the records that are next was stored. */
async function oldestOf(
  admin: AdminClient,
  topic: string,
  backlog: readonly Backlog[],
): Promise<number | null> {
  const times = await Promise.all(
    backlog.map(async ({ partition, offset }) => {
      try {
        const batch = await admin.readOne({ topic, partition, offset });
        return Number(batch?.records[0]?.timestamp ?? -1);
      } catch (thrown) {
        if (mayBeUndecodable(thrown)) return -1;
        throw thrown;
      }
    }),
  );
  const known = times.filter((one) => one >= 0);
  return known.length === 0 ? null : Math.min(...known);
}

async function recordsIn(admin: AdminClient, topic: string): Promise<number> {
  const [firsts, ends] = await Promise.all([
    admin.edgeOffsets(topic, 'first'),
    admin.edgeOffsets(topic, 'end'),
  ]);
  const first = byPartition(firsts);
  return Number(ends.reduce((sum, { partition, offset }) => sum + offset - (first.get(partition) ?? 0n), 0n));
}
