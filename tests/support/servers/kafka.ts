import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import { type FaultProxy, startProxy } from '../proxy.js';
import { inFirstPlace } from './in-first-place.js';
import { entriesOf, findProgram, serverCache } from './installed-servers.js';
import { type KafkaLayout, type KafkaNodeAddress, kafkaProperties } from './kafka-properties.js';
import { type KafkaSecurityOptions, kafkaSecurity } from './kafka-security.js';
import type { Offer, Place } from './place.js';
import { claimPorts, type PortBlock, portAt } from './port-block.js';
import { untilReady } from './ready.js';
import type { ServerProcess } from './server-process.js';

/** The Kafka that is started. */
export interface KafkaOptions extends KafkaSecurityOptions {
  /** Default 1; three make a cluster with three copies of everything, two of which must be in sync. */
  readonly brokers?: 1 | 3;
  /** Added to every node's server.properties. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Puts a fault proxy, whose address is the one advertised, before each broker. Default false. */
  readonly behindProxy?: boolean;
}

/** One broker of a running cluster. */
export interface KafkaNode {
  readonly id: number;
  /** The port that clients use: the broker's, or its proxy's. */
  readonly port: number;
  /** Its pid on this machine; undefined while it is down or in a container. */
  readonly pid: number | undefined;
  /** The proxy before it; undefined unless the cluster was started behind proxies. */
  readonly proxy: FaultProxy | undefined;
  /** Ends it at once. Default signal `SIGKILL`. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends it in order: leaders are moved away first. */
  stop(): Promise<void>;
  /** Starts it again with its data and waits until it is a member of its cluster. */
  start(): Promise<void>;
  /** Freezes it: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** A running cluster that belongs to the caller alone. */
export interface KafkaCluster {
  readonly brokers: readonly string[];
  readonly nodes: readonly KafkaNode[];
  /** The node with this id; throws when there is none. */
  node(id: number): KafkaNode;
  /** What a kafkajs client needs to get in: `new Kafka({ ...cluster.client, clientId })`. */
  readonly client: Pick<KafkaConfig, 'brokers' | 'ssl' | 'sasl'>;
  /** Ends every process and removes every folder; may be called twice. */
  dispose(): Promise<void>;
}

const VERSION = '4.1.0';
const libraries = (): string => join(serverCache(), `kafka-${VERSION}`, 'libs');

/** Where Kafka can run. */
export const KAFKA_OFFER: Offer = {
  image: `apache/kafka:${VERSION}`,
  missing() {
    if (!findProgram('java')) return 'Java is not installed';
    return entriesOf(libraries()).length > 0 ? undefined : `Kafka is not installed in ${libraries()}`;
  },
};

/** Starts a cluster and waits until every broker is in it (3 to 10 s); throws `ServerUnavailableError` where that is impossible. */
export function startKafka(options: KafkaOptions = {}): Promise<KafkaCluster> {
  return inFirstPlace(KAFKA_OFFER, (place) => startIn(place, options));
}

interface PreparedNode {
  readonly address: KafkaNodeAddress;
  readonly server: ServerProcess;
  readonly ports: PortBlock;
  readonly proxy: FaultProxy | undefined;
}

async function startIn(place: Place, options: KafkaOptions): Promise<KafkaCluster> {
  const ports = await Promise.all(Array.from({ length: options.brokers ?? 1 }, () => claimPorts()));
  const addresses = ports.map((block, index) => nodeAddress(place, block, { index, ...options }));
  const security = kafkaSecurity(options);
  const layout = { nodes: addresses, bindHost: place.bindHost, security, extra: options.properties ?? {} };
  // The storage tool takes an id that begins with a dash for an option.
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const nodes: PreparedNode[] = [];
  const disposeAll = async (): Promise<void> => {
    await Promise.all(nodes.map(disposeNode));
    await place.dispose();
  };
  let disposed: Promise<void> | undefined;
  const dispose = (): Promise<void> => {
    disposed ??= disposeAll();
    return disposed;
  };
  try {
    for (const [index, block] of ports.entries()) {
      const address = addresses[index];
      if (address) nodes.push(await prepareNode({ place, layout, clusterId, address, ports: block }));
    }
    const cluster = describeCluster(
      nodes,
      { brokers: addresses.map(clientAddress), ...security.client },
      dispose,
    );
    await Promise.all(cluster.nodes.map((node) => node.start()));
    return cluster;
  } catch (error) {
    await dispose();
    throw error;
  }
}

function nodeAddress(
  place: Place,
  ports: PortBlock,
  node: { index: number; behindProxy?: boolean },
): KafkaNodeAddress {
  const id = node.index + 1;
  return {
    id,
    host: place.hostOf(`kafka-${id}`),
    clientPort: portAt(ports, 0),
    peerPort: portAt(ports, 1),
    controllerPort: portAt(ports, 2),
    advertisedPort: portAt(ports, node.behindProxy ? 3 : 0),
  };
}

interface NodePlan {
  readonly place: Place;
  readonly layout: KafkaLayout;
  readonly clusterId: string;
  readonly address: KafkaNodeAddress;
  readonly ports: PortBlock;
}

async function prepareNode(plan: NodePlan): Promise<PreparedNode> {
  const { address, layout, place, ports } = plan;
  const proxied = address.advertisedPort !== address.clientPort;
  const server = await place.prepare({
    name: `kafka-${address.id}`,
    files: { 'server.properties': kafkaProperties(address, layout), ...layout.security.files },
    start: startScript(plan),
    tool: 'exec "$@"',
    ports: [address.clientPort],
  });
  const proxy = proxied
    ? await startProxy({
        target: address.clientPort,
        port: address.advertisedPort,
        protocol: layout.security.protocol.endsWith('SSL') ? 'bytes' : 'kafka',
      })
    : undefined;
  return { address, server, ports, proxy };
}

/** Formats the storage before the first start only; what is in it then outlives every kill. */
function startScript(plan: NodePlan): string {
  const scram = plan.layout.security.scram.map((credential) => ` --add-scram '${credential}'`).join('');
  const format = `format -t ${plan.clusterId} -c server.properties${scram}`;
  const java = `java -Xmx512m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp '${libraries()}/*'`;
  const [formatTool, broker] =
    plan.place.kind === 'docker'
      ? ['/opt/kafka/bin/kafka-storage.sh', '/opt/kafka/bin/kafka-server-start.sh']
      : [`${java} kafka.tools.StorageTool`, `${java} kafka.Kafka`];
  return `[ -e data/meta.properties ] || ${formatTool} ${format} || exit 1\nexec ${broker} server.properties\n`;
}

function describeCluster(
  prepared: readonly PreparedNode[],
  client: KafkaCluster['client'],
  dispose: () => Promise<void>,
): KafkaCluster {
  const nodes = prepared.map((node) => controlsOf(node, client));
  return {
    brokers: prepared.map((node) => clientAddress(node.address)),
    nodes,
    node(id) {
      const found = nodes.find((node) => node.id === id);
      if (!found) throw new RangeError(`this cluster has no node ${id}`);
      return found;
    },
    client,
    dispose,
  };
}

function controlsOf({ address, server, proxy }: PreparedNode, client: KafkaCluster['client']): KafkaNode {
  return {
    id: address.id,
    port: address.advertisedPort,
    get pid() {
      return server.pid;
    },
    proxy,
    kill: (signal = 'SIGKILL') => server.end(signal),
    stop: () => server.end('SIGTERM'),
    async start() {
      await server.start();
      await untilReady(server, () => isMember(address, client));
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
  };
}

/** Asks the node itself, past its proxy, whether the cluster has it among its brokers. */
async function isMember(address: KafkaNodeAddress, client: KafkaCluster['client']): Promise<void> {
  const kafka = new Kafka({
    ...client,
    brokers: [`127.0.0.1:${address.clientPort}`],
    clientId: 'ready-check',
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    if (!brokers.some((broker) => broker.nodeId === address.id))
      throw new Error('it has not joined its cluster');
  } finally {
    await admin.disconnect();
  }
}

async function disposeNode(node: PreparedNode): Promise<void> {
  await node.proxy?.close();
  await node.server.dispose();
  await node.ports.release();
}

function clientAddress(address: KafkaNodeAddress): string {
  return `127.0.0.1:${address.advertisedPort}`;
}
