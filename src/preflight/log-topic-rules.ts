import type { InspectedLogTopic, LogTopicState } from '../contract/inspection.js';
import type { Finding } from '../contract/setup-check.js';
import type { CheckContext } from './check-context.js';
import type { CheckId } from './checks.js';
import { finding, showMs, whatOf } from './finding.js';

const DAY_MS = 24 * 3_600_000;
/** Kafka's own default of `max.message.bytes` is a little more. */
const BYTES_MIN = 1_048_576;
/** Replicas that the bus asks for, as far as there are nodes. */
const REPLICAS = 3;

/** A topic that is there, with its settings as far as they are shown. */
interface Present {
  readonly topic: InspectedLogTopic;
  readonly state: LogTopicState;
  readonly add: (id: CheckId, found: string, expected: string) => void;
}

/** Everything that is to say about one topic; `byName` has the topics that others are copied from. */
export function logTopicFindings(
  topic: InspectedLogTopic,
  { context, nodes, byName }: LogSurroundings,
): Finding[] {
  const findings: Finding[] = [];
  const where = `kafka: ${topic.purpose === 'topic' ? 'topic' : `${topic.purpose} topic`} ${topic.name}`;
  const add: Present['add'] = (id, found, expected) => findings.push(finding(id, { where, found, expected }));
  const { state } = topic;
  if (state.status === 'unknown') {
    const id = state.error.code === 'BC_PERMISSION' ? 'kafka-permission' : 'place-not-shown';
    add(id, whatOf(state.error), 'a description of the topic');
  } else if (state.value === null) addMissing(topic, add);
  else {
    const present = { topic, state: state.value, add };
    addPermissions(present);
    addPartitions(present, nodes);
    addSettings(present, context, byName.get(topic.copiesOf ?? ''));
  }
  return findings;
}

/** What the findings of a topic depend on. */
export interface LogSurroundings {
  readonly context: CheckContext;
  readonly nodes: number;
  readonly byName: ReadonlyMap<string, InspectedLogTopic>;
}

function addMissing({ isOurs, creation }: InspectedLogTopic, add: Present['add']): void {
  if (!isOurs) add('place-missing', 'it does not exist', 'a topic that somebody else created');
  else if (creation?.status !== 'unknown') add('place-will-be-created', 'it does not exist yet', 'a topic');
  else {
    const { code } = creation.error;
    // The names were checked before: Kafka calls a name invalid whose twin is there.
    const id =
      code === 'BC_PERMISSION'
        ? 'kafka-permission'
        : code === 'BC_NAME_INVALID'
          ? 'kafka-name-collision'
          : 'kafka-create-refused';
    add(
      id,
      whatOf(creation.error),
      code === 'BC_PERMISSION' ? 'the operation CREATE' : 'a topic that can be created',
    );
  }
}

/** Copies are written and read. Nobody knows whether a service that consumes a topic publishes to it, too. */
function addPermissions({ topic, state, add }: Present): void {
  const isConsumed = topic.consumers.length > 0;
  const mayPublish = topic.purpose === 'topic' && isConsumed;
  const needed = ['DESCRIBE', ...(mayPublish ? [] : ['WRITE']), ...(isConsumed ? ['READ'] : [])];
  const missing = needed.filter((operation) => !state.operations.has(operation));
  if (mayPublish && !state.operations.has('WRITE')) add('kafka-write-permission', 'without WRITE', 'WRITE');
  if (missing.length > 0) add('kafka-permission', `without ${missing.join(', ')}`, needed.join(', '));
}

function addPartitions({ topic, state, add }: Present, nodes: number): void {
  const { partitions } = state;
  const leaderless = partitions.filter(({ leader }) => leader < 0);
  const behind = partitions.filter(({ inSync, replicas }) => inSync < replicas);
  const replicas = Math.min(...partitions.map((one) => one.replicas));
  const possible = Math.min(REPLICAS, nodes);
  if (leaderless.length > 0) {
    add('kafka-no-leader', `no leader for partition ${listed(leaderless)}`, 'a leader for each partition');
  }
  if (behind.length > 0) {
    add('kafka-under-replicated', `behind in partition ${listed(behind)}`, 'all replicas in sync');
  }
  if (replicas < possible) add('kafka-replication-low', plural(replicas, 'replica'), `${possible} replicas`);
  if (topic.purpose !== 'topic') return;
  const wanted = topic.wantedPartitions;
  const found = plural(partitions.length, 'partition');
  if (wanted !== null && wanted !== partitions.length) add('kafka-partitions-differ', found, String(wanted));
  else if (partitions.length === 1 && wanted === null) add('kafka-partitions-low', found, 'at least 2');
}

const listed = (partitions: LogTopicState['partitions']): string =>
  partitions.map(({ partition }) => partition).join(', ');

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function addSettings(present: Present, context: CheckContext, source: InspectedLogTopic | undefined): void {
  const { topic, state, add } = present;
  const { settings } = state;
  if (settings.status === 'unknown') {
    add('kafka-settings-not-shown', whatOf(settings.error), 'settings that may be read');
    return;
  }
  const read = (name: string): number => Number(settings.value.get(name) ?? Number.NaN);
  const isCompacted = settings.value.get('cleanup.policy')?.split(',').includes('compact') ?? false;
  const policy = `cleanup.policy=${settings.value.get('cleanup.policy')}`;
  addInSync(present, read('min.insync.replicas'));
  if (topic.purpose === 'topic') {
    if (isCompacted) add('kafka-compacted', policy, 'cleanup.policy=delete');
    else addRetention(present, read('retention.ms'), context);
    if (read('max.message.bytes') < BYTES_MIN) {
      const found = `max.message.bytes=${read('max.message.bytes')}`;
      add('kafka-bytes-low', found, `at least ${BYTES_MIN}`);
    }
  } else {
    if (isCompacted) add('kafka-copies-compacted', policy, 'cleanup.policy=delete');
    addCopiesRetention(present, read('retention.ms'), context);
    addCopiesBytes(present, read('max.message.bytes'), limitOf(source));
  }
  const bytes = read('retention.bytes');
  if (bytes >= 0) add('kafka-retention-bytes', `retention.bytes=${bytes}`, 'retention.bytes=-1');
}

function addInSync({ state, add }: Present, inSync: number): void {
  const replicas = Math.min(...state.partitions.map((one) => one.replicas));
  if (replicas < 2) return;
  const found = `min.insync.replicas=${inSync} with ${replicas} replicas`;
  if (inSync < 2) add('kafka-min-isr-low', found, 'min.insync.replicas=2');
  else if (inSync >= replicas) add('kafka-min-isr-high', found, `at most ${replicas - 1}`);
}

function addRetention({ topic, add }: Present, retentionMs: number, context: CheckContext): void {
  const { inbox, maxMessageAgeMs } = context;
  const found = `retention.ms is ${showMs(retentionMs)}`;
  const isUnlimited = retentionMs < 0;
  if (!isUnlimited && retentionMs < maxMessageAgeMs) {
    add('kafka-retention-short', found, `at least maxMessageAge, ${showMs(maxMessageAgeMs)}`);
  }
  if (inbox === null || !inbox.isShared || topic.consumers.length === 0) return;
  if (isUnlimited || retentionMs > inbox.ttlMs) {
    add('kafka-retention-over-inbox', found, `at most the TTL of the inbox, ${showMs(inbox.ttlMs)}`);
  }
}

function addCopiesRetention({ topic, add }: Present, retentionMs: number, context: CheckContext): void {
  const neededMs = topic.purpose === 'dead-letter' ? context.maxReplayAgeMs : topic.delayMs + DAY_MS;
  if (retentionMs >= 0 && retentionMs < neededMs) {
    add(
      'kafka-copies-retention-short',
      `retention.ms is ${showMs(retentionMs)}`,
      `at least ${showMs(neededMs)}`,
    );
  }
}

function limitOf(topic: InspectedLogTopic | undefined): number {
  const settings = topic?.state.status === 'seen' ? topic.state.value?.settings : undefined;
  return settings?.status === 'seen' ? Number(settings.value.get('max.message.bytes')) : Number.NaN;
}

function addCopiesBytes({ add }: Present, bytes: number, sourceBytes: number): void {
  if (bytes < sourceBytes) {
    add('kafka-copies-bytes-low', `max.message.bytes=${bytes}`, `at least ${sourceBytes}, that of its topic`);
  }
}
