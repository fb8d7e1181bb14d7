import type { Topology } from '../../contract/broker.js';
import type { Clock, Random } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { EmitEvent } from '../../contract/events.js';
import { wait } from '../../delivery/backoff.js';
import type { AdminClient, NewTopic, PartitionInfo, PartitionOffset } from './driver.js';
import { insist, MISSING_AGAIN_MS, MISSING_LOOKS, passesOnceSeen } from './insist.js';
import { DEFAULT_MAX_MESSAGE_BYTES } from './publisher.js';
import { type PlannedCopies, type PlannedGroup, type PlannedTopic, planTopics } from './topic-plan.js';

const DEFAULT_PARTITIONS = 12;
/** Replicas of a topic that we create, as far as there are nodes. */
export const DEFAULT_REPLICAS = 3;
/** Room that a copy needs beside the message for its own headers. */
const COPY_EXTRA_BYTES = 64 * 1024;
const DAY_MS = 24 * 3_600_000;
/** Dead letters are kept for 14 days, and so are retry copies: a consumer may be away for as long. */
const COPY_RETENTION_MS = 14 * DAY_MS;
/** Pause between two looks at a topic whose leaders are being chosen, ms. */
const LEADERS_AGAIN_MS = 50;
const MAX_BYTES = 'max.message.bytes';
const MIN_IN_SYNC = 'min.insync.replicas';

/** What creating and checking needs. */
export interface TopologyContext {
  readonly admin: AdminClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: EmitEvent;
  /** How long passing troubles are waited out, ms. */
  readonly limitMs: number;
  /** `max.message.bytes` by topic, filled in here. */
  readonly limits: Map<string, number>;
}

/** Creates what is missing, checks the rest, and writes where new groups begin. Idempotent. */
export async function provisionTopology(context: TopologyContext, topology: Topology): Promise<void> {
  const plan = planTopics(topology);
  const ask = <Answer>(what: string, question: () => Promise<Answer>): Promise<Answer> =>
    insist(context, what, question);
  const replicas = Math.min(
    DEFAULT_REPLICAS,
    await ask('Kafka did not describe its nodes', () => context.admin.brokerCount()),
  );
  const partitions = new Map<string, number>();
  await Promise.all(
    plan.topics.map(async (topic) => {
      const what = `The Kafka topic "${topic.name}" could not be provided`;
      partitions.set(topic.name, (await ask(what, () => provideTopic(context, topic, replicas))).length);
    }),
  );
  await Promise.all(
    plan.copies.map(async (place) => {
      const what = `The ${place.kind} topic "${place.name}" could not be provided`;
      const shape = { partitions: partitions.get(place.of), replicas };
      partitions.set(place.name, (await ask(what, () => provideCopies(context, place, shape))).length);
    }),
  );
  for (const group of plan.groups) {
    const what = `The start of the Kafka group "${group.group}" could not be written`;
    const count = partitions.get(group.topic) ?? 0;
    await insist({ ...context, passes: passesOnceSeen }, what, () => writeStart(context, group, count));
  }
}

async function provideTopic(
  context: TopologyContext,
  topic: PlannedTopic,
  replicas: number,
): Promise<readonly PartitionInfo[]> {
  const { name, settings, mustExist } = topic;
  const existing = await (mustExist ? findExisting(context, name) : context.admin.describe(name));
  if (existing === null && mustExist) {
    throw new BuscouplerError('BC_PLACE_MISSING', `The Kafka topic "${name}" does not exist.`);
  }
  if (existing === null) {
    await create(context, 'topic', newTopicOf(topic, replicas));
  }
  const partitions = await waitForLeaders(context, name);
  await learnSettings(context, name, partitions);
  const wanted = settings.partitions;
  if (wanted !== undefined && wanted !== partitions.length) {
    const what = `The Kafka topic "${name}" has ${partitions.length} partitions, its definition says ${wanted}; it is left as it is.`;
    context.emit('warning', { what });
  }
  return partitions;
}

/** The topic as it is created. */
export const newTopicOf = ({ name, settings }: PlannedTopic, replicas: number): NewTopic => ({
  topic: name,
  partitions: settings.partitions ?? DEFAULT_PARTITIONS,
  replicationFactor: settings.replicationFactor ?? replicas,
  config: settings.config ?? {},
});

/** What a topic for copies takes after. */
export interface CopiesShape {
  /** Default 12. */
  readonly partitions?: number | undefined;
  readonly replicas: number;
  /** Largest message of the topic that is copied. Default: Kafka's own. */
  readonly maxBytes?: number | undefined;
}

/** The topic for copies as it is created. */
export const newCopiesOf = ({ name, delayMs }: PlannedCopies, shape: CopiesShape): NewTopic => ({
  topic: name,
  partitions: shape.partitions ?? DEFAULT_PARTITIONS,
  replicationFactor: shape.replicas,
  config: {
    'cleanup.policy': 'delete',
    'retention.ms': String(Math.max(COPY_RETENTION_MS, delayMs + DAY_MS)),
    [MAX_BYTES]: String((shape.maxBytes ?? DEFAULT_MAX_MESSAGE_BYTES) + COPY_EXTRA_BYTES),
  },
});

async function findExisting({ admin, clock }: TopologyContext, topic: string) {
  for (let look = 1; ; look += 1) {
    const found = await admin.describe(topic);
    if (found !== null || look === MISSING_LOOKS) return found;
    await wait(clock, MISSING_AGAIN_MS);
  }
}

async function provideCopies(
  context: TopologyContext,
  place: PlannedCopies,
  shape: CopiesShape,
): Promise<readonly PartitionInfo[]> {
  const { name, of, kind } = place;
  if ((await context.admin.describe(name)) === null) {
    await create(context, kind, newCopiesOf(place, { ...shape, maxBytes: context.limits.get(of) }));
  }
  const partitions = await waitForLeaders(context, name);
  await learnSettings(context, name, partitions);
  return partitions;
}

async function create(
  { admin, emit }: TopologyContext,
  kind: 'topic' | PlannedCopies['kind'],
  topic: NewTopic,
): Promise<void> {
  if (await admin.createTopic(topic)) emit('place-created', { broker: 'kafka', kind, name: topic.topic });
}

/** A topic is there when every partition has a leader; right after its creation some have none. */
async function waitForLeaders(
  { admin, clock, limitMs }: TopologyContext,
  topic: string,
): Promise<readonly PartitionInfo[]> {
  const untilMs = clock.monotonicMs() + limitMs;
  for (;;) {
    const partitions = await admin.describe(topic);
    const isReady = partitions?.every(({ leader }) => leader >= 0) ?? false;
    if (partitions !== null && partitions.length > 0 && isReady) return partitions;
    if (clock.monotonicMs() >= untilMs) {
      const what = `The Kafka topic "${topic}" has partitions without a leader.`;
      throw new BuscouplerError('BC_BROKER_UNAVAILABLE', what, { retriable: false });
    }
    await wait(clock, LEADERS_AGAIN_MS);
  }
}

async function learnSettings(
  context: TopologyContext,
  topic: string,
  partitions: readonly PartitionInfo[],
): Promise<void> {
  const config = await readSettings(context.admin, topic);
  const maxBytes = Number(config.get(MAX_BYTES));
  if (maxBytes > 0) context.limits.set(topic, maxBytes);
  const replicas = partitions[0]?.replicas ?? 1;
  if (replicas >= DEFAULT_REPLICAS && Number(config.get(MIN_IN_SYNC)) < 2) {
    const what = `The Kafka topic "${topic}" has ${replicas} replicas but ${MIN_IN_SYNC}=1: a message can be stored on one node only and be lost with it.`;
    context.emit('warning', { what });
  }
}

/** Reading settings needs a permission of its own; without it the defaults are assumed. */
export async function readSettings(admin: AdminClient, topic: string): Promise<ReadonlyMap<string, string>> {
  try {
    return await admin.topicConfig(topic, [MAX_BYTES, MIN_IN_SYNC]);
  } catch {
    return new Map();
  }
}

/** The limit of one topic; `null`: not known. */
export async function readLimit(admin: AdminClient, topic: string): Promise<number | null> {
  const maxBytes = Number((await readSettings(admin, topic)).get(MAX_BYTES));
  return maxBytes > 0 ? maxBytes : null;
}

/**
 * A group that never committed begins where the client likes; so where it begins is written before it runs, and read
 * back. Partitions with a commit are left alone, and so is a group with members: they have begun. A node that has not heard
 * of a new topic knows of fewer partitions than there are: what it left out would have no start.
 */
async function writeStart(
  { admin }: TopologyContext,
  { group, topic, startFrom }: PlannedGroup,
  partitions: number,
): Promise<void> {
  const withoutStart = async (): Promise<ReadonlySet<number>> => {
    const offsets = requireAll(topic, partitions, await admin.groupOffsets(group, topic));
    return new Set(offsets.filter(({ offset }) => offset < 0n).map(({ partition }) => partition));
  };
  const unwritten = await withoutStart();
  if (unwritten.size === 0 || !(await admin.isGroupEmpty(group))) return;
  const edge = startFrom === 'earliest' ? 'first' : 'end';
  const edges = requireAll(topic, partitions, await admin.edgeOffsets(topic, edge));
  const offsets = edges.filter(({ partition }) => unwritten.has(partition));
  await admin.commitGroupOffsets(group, [{ topic, offsets }]);
  if ((await withoutStart()).size > 0) {
    throw new BuscouplerError(
      'BC_BROKER_UNAVAILABLE',
      `Kafka did not keep the start of the group "${group}".`,
    );
  }
}

function requireAll(
  topic: string,
  partitions: number,
  offsets: readonly PartitionOffset[],
): readonly PartitionOffset[] {
  if (offsets.length >= partitions) return offsets;
  const what = `A node of Kafka knows ${offsets.length} of the ${partitions} partitions of "${topic}".`;
  throw new BuscouplerError('BC_BROKER_UNAVAILABLE', what);
}
