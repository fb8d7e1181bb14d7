import type { Topology } from '../../contract/broker.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import type { BuscouplerError } from '../../contract/errors.js';
import {
  type InspectedLogTopic,
  type LogInspection,
  type LogTopicState,
  type Look,
  lookAt,
} from '../../contract/inspection.js';
import { deadLetterTopicOf, kafkaTopicOf, retryTopicsOf } from '../../messages/names.js';
import type { InspectClient, NewTopic } from './driver.js';
import { toKafkaError } from './errors.js';
import { type PlannedCopies, type PlannedTopic, planTopics } from './topic-plan.js';
import { DEFAULT_REPLICAS, newCopiesOf, newTopicOf } from './topology.js';

const TOPIC_SETTINGS = [
  'cleanup.policy',
  'max.message.bytes',
  'min.insync.replicas',
  'retention.bytes',
  'retention.ms',
] as const;

const NODE_SETTINGS = [
  'auto.create.topics.enable',
  'group.max.session.timeout.ms',
  'group.min.session.timeout.ms',
  'offsets.retention.minutes',
] as const;

/** What inspecting needs. */
export interface InspectContext {
  readonly client: InspectClient;
  readonly sessionTimeoutMs: number;
}

const asking =
  (what: string) =>
  (thrown: unknown): BuscouplerError =>
    toKafkaError(thrown, what);

/** Looks at everything that the topology needs. Changes nothing, joins no group. Rejects if no node answers. */
export async function inspectTopology(
  { client, sessionTimeoutMs }: InspectContext,
  topology: Topology,
): Promise<LogInspection> {
  const plan = planTopics(topology);
  const nodes = await client.nodeCount().catch((thrown: unknown) => {
    throw asking('Kafka did not describe its nodes')(thrown);
  });
  const places = new Places(client, topology, Math.min(DEFAULT_REPLICAS, nodes));
  const settings = lookAt(
    () => client.nodeSettings(NODE_SETTINGS),
    asking('The settings of Kafka are not shown'),
  );
  const topics = await Promise.all(plan.topics.map((topic) => places.topic(topic)));
  const byName = new Map(topics.map((topic) => [topic.name, topic]));
  const copies = await Promise.all(plan.copies.map((copy) => places.copies(copy, byName.get(copy.of))));
  const names = [...new Set(plan.groups.map(({ group }) => group))];
  const groups = names.map(async (name) => ({
    name,
    operations: await lookAt(() => client.groupOperations(name), asking(`The group "${name}" is not shown`)),
  }));
  return {
    kind: 'log',
    version: await client.version(),
    nodes,
    settings: await settings,
    sessionTimeoutMs,
    topics: [...topics, ...copies],
    groups: await Promise.all(groups),
  };
}

const partitionsOf = (topic: InspectedLogTopic | undefined): number | undefined => {
  if (topic?.state.status !== 'seen' || topic.state.value === null)
    return topic?.wantedPartitions ?? undefined;
  return topic.state.value.partitions.length;
};

const limitOf = (topic: InspectedLogTopic | undefined): number | undefined => {
  const settings = topic?.state.status === 'seen' ? topic.state.value?.settings : undefined;
  const limit = settings?.status === 'seen' ? Number(settings.value.get('max.message.bytes')) : 0;
  return limit > 0 ? limit : undefined;
};

/** Looks at single topics. */
class Places {
  readonly #client: InspectClient;
  readonly #topology: Topology;
  readonly #replicas: number;

  constructor(client: InspectClient, topology: Topology, replicas: number) {
    this.#client = client;
    this.#topology = topology;
    this.#replicas = replicas;
  }

  async topic(planned: PlannedTopic): Promise<InspectedLogTopic> {
    const { name, settings, mustExist } = planned;
    const state = await this.#look(name);
    return {
      name,
      purpose: 'topic',
      consumers: this.#users((one) => kafkaTopicOf(one.topic) === name),
      isOurs: !mustExist,
      wantedPartitions: settings.partitions ?? null,
      delayMs: 0,
      copiesOf: null,
      state,
      creation: mustExist ? null : await this.#creation(state, newTopicOf(planned, this.#replicas)),
    };
  }

  async copies(planned: PlannedCopies, of: InspectedLogTopic | undefined): Promise<InspectedLogTopic> {
    const { name, kind, delayMs } = planned;
    const state = await this.#look(name);
    const shape = { partitions: partitionsOf(of), replicas: this.#replicas, maxBytes: limitOf(of) };
    return {
      name,
      purpose: kind,
      consumers: this.#users((one) => deadLetterTopicOf(one) === name || retryTopicsOf(one).includes(name)),
      isOurs: true,
      wantedPartitions: null,
      delayMs,
      copiesOf: planned.of,
      state,
      creation: await this.#creation(state, newCopiesOf(planned, shape)),
    };
  }

  #users(isUser: (consumer: AnyConsumer) => boolean): string[] {
    return this.#topology.consumers.filter(isUser).map(({ name }) => name);
  }

  #look(name: string): Promise<Look<LogTopicState | null>> {
    return lookAt(
      async () => {
        const topic = await this.#client.topic(name);
        if (topic === null) return null;
        const toError = asking(`The settings of the topic "${name}" are not shown`);
        return {
          ...topic,
          settings: await lookAt(() => this.#client.topicSettings(name, TOPIC_SETTINGS), toError),
        };
      },
      asking(`The topic "${name}" is not shown`),
    );
  }

  async #creation(state: Look<LogTopicState | null>, topic: NewTopic): Promise<Look<true> | null> {
    if (state.status === 'unknown' || state.value !== null) return null;
    const ask = async (): Promise<true> => {
      await this.#client.validate(topic);
      return true;
    };
    return lookAt(ask, asking(`Kafka would not create the topic "${topic.topic}"`));
  }
}
