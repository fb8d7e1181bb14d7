import type { KafkaSecurity } from './kafka-security.js';

/** One broker (and controller) of a cluster. */
export interface KafkaNodeAddress {
  readonly id: number;
  /** The name by which the other nodes reach it. */
  readonly host: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly controllerPort: number;
  /** The port that clients are told: the client port, or a proxy's. */
  readonly advertisedPort: number;
}

/** What the properties of a node depend on. */
export interface KafkaLayout {
  readonly nodes: readonly KafkaNodeAddress[];
  readonly bindHost: string;
  readonly security: KafkaSecurity;
  readonly extra: Readonly<Record<string, string>>;
}

/** The text of a node's server.properties; paths in it are relative to the node's folder. */
export function kafkaProperties(node: KafkaNodeAddress, layout: KafkaLayout): string {
  const properties = {
    ...listeners(node, layout),
    ...replication(layout.nodes.length),
    // A broker that was killed may come back only after its session; in a cluster a busy machine needs more time.
    'broker.session.timeout.ms': layout.nodes.length > 1 ? '3000' : '1500',
    ...FOR_TESTS,
    ...layout.security.properties,
    ...layout.extra,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}

/** Clients have a listener of their own, so that what is done to it never touches the brokers among themselves. */
function listeners(node: KafkaNodeAddress, layout: KafkaLayout): Record<string, string> {
  const voters = layout.nodes.map((peer) => `${peer.id}@${peer.host}:${peer.controllerPort}`);
  const bound = { CLIENT: node.clientPort, PEER: node.peerPort, CONTROLLER: node.controllerPort };
  return {
    'process.roles': 'broker,controller',
    'node.id': String(node.id),
    'controller.quorum.voters': voters.join(','),
    listeners: Object.entries(bound)
      .map(([name, port]) => `${name}://${layout.bindHost}:${port}`)
      .join(','),
    'advertised.listeners': `CLIENT://127.0.0.1:${node.advertisedPort},PEER://${node.host}:${node.peerPort}`,
    'listener.security.protocol.map': `CLIENT:${layout.security.protocol},PEER:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name': 'PEER',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': 'data',
  };
}

function replication(nodes: number): Record<string, string> {
  const factor = String(nodes);
  const inSync = String(nodes > 1 ? nodes - 1 : 1);
  return {
    'default.replication.factor': factor,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': factor,
    'transaction.state.log.replication.factor': factor,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': factor,
    'share.coordinator.state.topic.min.isr': inSync,
  };
}

/** Nothing here weakens what the broker promises: fewer internal partitions, shorter waits, no surprise topics. */
const FOR_TESTS = {
  'auto.create.topics.enable': 'false',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '500',
  'offsets.topic.num.partitions': '5',
  'transaction.state.log.num.partitions': '5',
  'log.cleaner.dedupe.buffer.size': '8388608',
  'broker.heartbeat.interval.ms': '300',
};
