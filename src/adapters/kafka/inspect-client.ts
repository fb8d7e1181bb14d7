import type { Operations } from '../../contract/inspection.js';
import type { ClientContext } from './client-options.js';
import type { InspectClient, NewTopic } from './driver.js';
import { GROUPS_TOPIC } from './groups-topic.js';
import { createGroupRequest, createTopicRequest } from './inspect-requests.js';
import { firstProblem } from './kafkajs-admin.js';
import { NodeConnections } from './node-connections.js';
import { protocolErrorNamed } from './protocol-errors.js';

const TOPIC_RESOURCE = 2;
const NODE_RESOURCE = 4;
const GROUP_COORDINATOR = 0;

const NO_ERROR = 0;
const UNKNOWN_TOPIC = 3;
const LEADER_NOT_AVAILABLE = 5;

const FETCH = 1;
/** Kafka 4.0 took the older versions of this request away. */
const FETCH_SINCE_4 = 4;

class KafkajsInspector implements InspectClient {
  readonly #connections: NodeConnections;
  readonly #timeoutMs: number;

  constructor(context: ClientContext) {
    this.#connections = new NodeConnections(context);
    this.#timeoutMs = context.settings.requestTimeoutMs;
  }

  async version(): Promise<string | null> {
    const fetch = (await this.#connections.any()).versions?.[FETCH];
    if (fetch === undefined) return null;
    return fetch.minVersion >= FETCH_SINCE_4 ? '4.0 or later' : 'before 4.0';
  }

  async nodeCount(): Promise<number> {
    return (await this.#connections.describeCluster()).nodeCount;
  }

  async nodeSettings(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const node = await this.#someNode();
    return this.#settings(node.broker, { type: NODE_RESOURCE, name: String(node.id), configNames: names });
  }

  async topicSettings(topic: string, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const broker = await this.#connections.any();
    return this.#settings(broker, { type: TOPIC_RESOURCE, name: topic, configNames: names });
  }

  async #settings(
    broker: Awaited<ReturnType<NodeConnections['any']>>,
    resource: { type: number; name: string; configNames: readonly string[] },
  ): Promise<ReadonlyMap<string, string>> {
    const { resources } = await broker.describeConfigs({ resources: [resource] });
    return new Map(
      (resources[0]?.configEntries ?? []).flatMap(({ configName, configValue }) =>
        configValue === null ? [] : [[configName, configValue] as const],
      ),
    );
  }

  async topic(topic: string) {
    const { errorCode, ...answer } = await this.#connections.send(
      await this.#connections.any(),
      createTopicRequest(topic),
    );
    if (errorCode === UNKNOWN_TOPIC) return null;
    if (errorCode !== NO_ERROR && errorCode !== LEADER_NOT_AVAILABLE) throw protocolErrorNamed(errorCode);
    return answer;
  }

  async validate({ topic, partitions, replicationFactor, config }: NewTopic): Promise<void> {
    const { broker } = await this.#someNode();
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    const request = { topic, numPartitions: partitions, replicationFactor, configEntries };
    try {
      await broker.createTopics({ topics: [request], validateOnly: true, timeout: this.#timeoutMs });
    } catch (error) {
      throw firstProblem(error);
    }
  }

  async groupOperations(group: string): Promise<Operations | null> {
    if ((await this.#connections.describe(GROUPS_TOPIC).catch(() => [])) === null) return null;
    const broker = await this.#connections.any();
    const asked = { groupId: group, coordinatorType: GROUP_COORDINATOR };
    const { coordinator } = await broker.findGroupCoordinator(asked);
    const node = await this.#connections.at(coordinator.host, coordinator.port);
    const { errorCode, operations } = await this.#connections.send(node, createGroupRequest(group));
    if (errorCode !== NO_ERROR) throw protocolErrorNamed(errorCode);
    return operations;
  }

  close(): void {
    this.#connections.close();
  }

  /** The node that creates topics, else any. */
  async #someNode() {
    const { controller } = await this.#connections.describeCluster();
    const broker = await (controller < 0 ? this.#connections.any() : this.#connections.of(controller));
    return { id: controller, broker };
  }
}

/** Questions over kafkajs' connections. */
export const createInspectClient = (context: ClientContext): InspectClient => new KafkajsInspector(context);
