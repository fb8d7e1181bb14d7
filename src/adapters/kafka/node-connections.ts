import Broker from 'kafkajs/src/broker/index.js';
import ConnectionPool, { type WireRequest } from 'kafkajs/src/network/connectionPool.js';
import {
  type ClientContext,
  createKafkajs,
  createSeedRotation,
  type Seed,
  toSaslOptions,
  toTlsOptions,
} from './client-options.js';
import type { PartitionInfo } from './driver.js';
import { openGuardedSocket } from './frame-guard.js';
import {
  type ClusterMetadata,
  createMetadataRequest,
  createTopicNamesRequest,
  type NodeAddress,
} from './metadata-request.js';
import { protocolErrorNamed } from './protocol-errors.js';

/** Longest wait for the answers to the credentials, ms. */
const AUTHENTICATION_TIMEOUT_MS = 10_000;

const NO_ERROR = 0;
const UNKNOWN_TOPIC = 3;
/** One partition or another has no leader; the rest can be used. */
const LEADER_NOT_AVAILABLE = 5;

/** What is known of the cluster. */
export interface ClusterDescription {
  /** The node that creates topics; below 0: none is known. */
  readonly controller: number;
  readonly nodeCount: number;
}

/**
 * Connections by node. kafkajs keeps such a table too, but closing a connection at the wrong moment leaves one node
 * under the id of another in it for good; ours is written by nothing but fresh metadata.
 */
export class NodeConnections {
  readonly #context: ClientContext;
  readonly #nextSeeds: () => readonly Seed[];
  readonly #byAddress = new Map<string, Broker>();
  readonly #connecting = new Map<Broker, Promise<void>>();
  readonly #leaving = new Set<Broker>();
  #addresses = new Map<number, NodeAddress>();
  #isClosed = false;

  constructor(context: ClientContext) {
    this.#context = context;
    this.#nextSeeds = createSeedRotation(context);
  }

  /** A connected broker, whichever: one that is connected already, else a known or configured one. */
  async any(): Promise<Broker> {
    for (const broker of this.#byAddress.values()) if (broker.isConnected()) return broker;
    let failure: unknown;
    for (const { host, port } of [...this.#nextSeeds(), ...this.#addresses.values()]) {
      try {
        return await this.at(host, port);
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  /** The connection to a node; rejects if metadata never named it. */
  async of(node: number): Promise<Broker> {
    const address = this.#addresses.get(node);
    if (address === undefined) throw new Error(`Kafka node ${node} is unknown`);
    return this.at(address.host, address.port);
  }

  async at(host: string, port: number): Promise<Broker> {
    if (this.#isClosed) throw new Error('The connections are closed');
    const name = `${host}:${port}`;
    let broker = this.#byAddress.get(name);
    if (broker === undefined) {
      broker = this.#open(host, port);
      this.#byAddress.set(name, broker);
    }
    if (broker.isConnected()) return broker;
    try {
      await this.#connect(broker);
      return broker;
    } catch (error) {
      this.drop(broker);
      throw error;
    }
  }

  /** Many requests at once open one connection, together: each try of its own would add listeners to the socket. */
  #connect(broker: Broker): Promise<void> {
    let connecting = this.#connecting.get(broker);
    if (connecting === undefined) {
      connecting = broker.connect().finally(() => this.#connecting.delete(broker));
      this.#connecting.set(broker, connecting);
    }
    return connecting;
  }

  /** Sends; whatever goes wrong, the connection is not used again. */
  async send<Answer>(broker: Broker, request: WireRequest<Answer>): Promise<Answer> {
    try {
      return await broker.connectionPool.send(request);
    } catch (error) {
      this.drop(broker);
      throw error;
    }
  }

  /** Asks for one topic, and learns where the nodes are. `null`: the topic does not exist. */
  async describe(topic: string): Promise<readonly PartitionInfo[] | null> {
    const { topicErrorCode, partitions } = await this.#askMetadata(topic);
    if (topicErrorCode === UNKNOWN_TOPIC) return null;
    if (topicErrorCode !== NO_ERROR && topicErrorCode !== LEADER_NOT_AVAILABLE) {
      throw protocolErrorNamed(topicErrorCode);
    }
    return partitions;
  }

  /** Asks for the nodes alone. */
  async describeCluster(): Promise<ClusterDescription> {
    const { controller, nodes } = await this.#askMetadata(null);
    return { controller, nodeCount: nodes.length };
  }

  /** Names of all topics that the user may see. */
  async listTopics(): Promise<readonly string[]> {
    return (await this.send(await this.any(), createTopicNamesRequest())).topics;
  }

  async #askMetadata(topic: string | null): Promise<ClusterMetadata> {
    const metadata = await this.send(await this.any(), createMetadataRequest(topic));
    this.#addresses = new Map(metadata.nodes.map((node) => [node.node, node]));
    return metadata;
  }

  drop(broker: Broker): void {
    const { host, port } = broker.connectionPool;
    if (this.#byAddress.get(`${host}:${port}`) === broker) this.#byAddress.delete(`${host}:${port}`);
    // It waits for requests that may never be answered; nobody waits for it.
    this.#leaving.add(broker);
    const forget = (): void => void this.#leaving.delete(broker);
    broker.disconnect().then(forget, forget);
  }

  /** Rejects what waits for an answer: nothing may keep the process alive. */
  close(): void {
    this.#isClosed = true;
    for (const broker of [...this.#byAddress.values()]) this.drop(broker);
    const error = new Error('The connections are closed');
    for (const { connectionPool } of this.#leaving) {
      for (const connection of connectionPool.pool) connection.rejectRequests(error);
    }
  }

  #open(host: string, port: number): Broker {
    const { settings } = this.#context;
    const logger = createKafkajs(this.#context, { seeds: [{ host, port }], retries: 0 }).logger();
    const connectionPool = new ConnectionPool({
      host,
      port,
      ssl: toTlsOptions(settings.tls),
      sasl: toSaslOptions(settings.sasl),
      clientId: settings.clientId,
      socketFactory: openGuardedSocket,
      connectionTimeout: settings.connectionTimeoutMs,
      requestTimeout: settings.requestTimeoutMs,
      enforceRequestTimeout: true,
      maxInFlightRequests: null,
      logger,
    });
    return new Broker({
      connectionPool,
      logger,
      allowAutoTopicCreation: false,
      authenticationTimeout: AUTHENTICATION_TIMEOUT_MS,
    });
  }
}
