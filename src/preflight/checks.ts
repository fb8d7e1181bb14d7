import type { Severity } from '../contract/setup-check.js';

/** What a finding means, whoever has it. */
export interface CheckFacts {
  readonly severity: Severity;
  /** What is wrong with it, in one sentence. */
  readonly meaning: string;
  /** What to do, in one sentence. */
  readonly cure: string;
}

/** Everything that a check of the set-up can find. `docs/reference/checks.md` is generated from it. */
export const CHECKS = {
  'config-refused': {
    severity: 'error',
    meaning:
      'The configuration or a definition is refused: the bus does not start, and nothing else was looked at.',
    cure: 'Correct what is named.',
  },
  'config-warning': {
    severity: 'warning',
    meaning: 'A setting works but looks wrong.',
    cure: 'Correct the setting, or leave it if it is meant.',
  },
  'name-invalid': {
    severity: 'error',
    meaning: 'A name that follows from a definition is one that a broker refuses.',
    cure: 'Shorten or change the name, or map the place by the settings of its topic or consumer.',
  },
  'broker-unreachable': {
    severity: 'error',
    meaning: 'The broker does not answer in time; nothing else of it was looked at.',
    cure: 'Check that it runs, that its address is right and that no firewall is between.',
  },
  'broker-credentials': {
    severity: 'error',
    meaning: 'The broker refuses user, password or mechanism.',
    cure: 'Correct user, password and mechanism.',
  },
  'broker-tls': {
    severity: 'error',
    meaning: 'TLS with the broker fails.',
    cure: 'Check the certificate authority, the host name and whether the port speaks TLS.',
  },
  'broker-protocol': {
    severity: 'error',
    meaning: 'What answers at the address is no broker of this kind.',
    cure: 'Check host and port.',
  },
  'broker-access': {
    severity: 'error',
    meaning: 'The broker refuses access as a whole (a virtual host that is not there or not granted).',
    cure: 'Create the virtual host, or grant it to the user.',
  },
  'broker-embedded': {
    severity: 'info',
    meaning:
      'Embedded brokers live in the memory of each process: there is nothing to set up and nothing to check.',
    cure: 'Set EMBEDDED=false and the addresses of the brokers to check real ones.',
  },
  'place-missing': {
    severity: 'error',
    meaning: 'A topic, exchange or queue that somebody else creates is not there: the bus does not start.',
    cure: 'Create it, or take `existing` off the definition so that the bus creates it.',
  },
  'place-will-be-created': {
    severity: 'info',
    meaning: 'A topic, exchange or queue is not there yet; the bus creates it at its start.',
    cure: 'Nothing to do.',
  },
  'place-not-shown': {
    severity: 'not-checked',
    meaning: 'The broker does not say how a place is.',
    cure: 'Check again; if it stays so, look into the log of the broker.',
  },
  'clock-skew': {
    severity: 'warning',
    meaning:
      'The clocks of this machine and of a server or a store differ: retries come late, ages are judged wrongly.',
    cure: 'Let both machines follow one time server (NTP).',
  },
  'inbox-none': {
    severity: 'info',
    meaning:
      'There is no inbox: a message may have its effect again after a fault, and no consumer can move while it runs.',
    cure: 'Give the bus an inbox before a consumer is moved.',
  },
  'inbox-in-memory': {
    severity: 'warning',
    meaning:
      'The inbox is in the memory of one process: other instances and the next start know nothing of it.',
    cure: 'Use a shared inbox (`mongoInbox`) where consumers move or have several instances.',
  },
  'inbox-unreachable': {
    severity: 'error',
    meaning: 'The store of the inbox does not answer: nothing is consumed until it does.',
    cure: 'Check that it runs and that its address is right.',
  },
  'inbox-not-replicated': {
    severity: 'warning',
    meaning:
      'The store of the inbox is one server alone: what it confirmed can be lost with it, and there are no transactions.',
    cure: 'Run MongoDB as a replica set.',
  },
  'inbox-transactions': {
    severity: 'error',
    meaning:
      'A consumer wants its effects in a transaction, which the store cannot give: the bus does not start.',
    cure: 'Run the store as a replica set, or take `transaction: true` off the consumer, or lower its timeoutMs.',
  },
  'inbox-ttl-short': {
    severity: 'warning',
    meaning:
      'The store forgets sooner than the option `ttl` of the inbox says; the bus lengthens the index at its start.',
    cure: 'Start the bus once with a user that may run collMod.',
  },
  'kafka-version': {
    severity: 'info',
    meaning: 'The version of Kafka, as far as a client can tell.',
    cure: 'Nothing to do.',
  },
  'kafka-few-nodes': {
    severity: 'warning',
    meaning: 'The cluster has fewer than three nodes: a message is lost or unreachable with the loss of one.',
    cure: 'Run at least three nodes in production.',
  },
  'kafka-settings-not-shown': {
    severity: 'not-checked',
    meaning:
      'The user may not read settings of nodes or topics, so that nothing that depends on them was checked.',
    cure: 'Grant the user DESCRIBE_CONFIGS on the cluster and on the topics.',
  },
  'kafka-auto-create': {
    severity: 'warning',
    meaning:
      'Other clients create topics by naming them: a misspelt name becomes a topic of one partition and one replica.',
    cure: 'Set auto.create.topics.enable=false on the nodes; the bus creates its topics by itself.',
  },
  'kafka-session-timeout': {
    severity: 'error',
    meaning: 'Kafka refuses consumers whose session timeout is outside of its bounds.',
    cure: 'Change KAFKA_SESSION_TIMEOUT_MS, or the bounds on the nodes.',
  },
  'kafka-offsets-retention': {
    severity: 'warning',
    meaning: 'Kafka forgets the position of a group without members sooner than a consumer may be away.',
    cure: 'Raise offsets.retention.minutes on the nodes.',
  },
  'kafka-permission': {
    severity: 'error',
    meaning: 'The user lacks a permission on a topic or a group that the bus needs.',
    cure: 'Grant the user the operations that are named.',
  },
  'kafka-write-permission': {
    severity: 'warning',
    meaning:
      'The user may not write to a topic that the service consumes; that is right only if it does not publish to it.',
    cure: 'Grant WRITE if the service publishes to the topic.',
  },
  'kafka-create-refused': {
    severity: 'error',
    meaning: 'Kafka would refuse to create a topic that the bus needs: the bus does not start.',
    cure: 'Correct what Kafka names, or create the topic by hand.',
  },
  'kafka-name-collision': {
    severity: 'error',
    meaning: 'A topic with a name that Kafka holds equal (`a.b` and `a_b`) is there already.',
    cure: 'Map the topic to another name, or remove the other topic.',
  },
  'kafka-no-leader': {
    severity: 'error',
    meaning: 'A partition has no leader: nothing can be written to it or read from it.',
    cure: 'Bring the nodes that hold its replicas back.',
  },
  'kafka-under-replicated': {
    severity: 'warning',
    meaning: 'Replicas of a topic are behind or down.',
    cure: 'Bring the nodes back, or wait until they caught up.',
  },
  'kafka-replication-low': {
    severity: 'warning',
    meaning:
      'A topic has fewer replicas than the cluster could hold: the loss of one node can lose its messages.',
    cure: 'Reassign its partitions to three replicas.',
  },
  'kafka-min-isr-low': {
    severity: 'warning',
    meaning:
      'A message counts as stored on one node alone and is lost with it, although there are more replicas.',
    cure: 'Set min.insync.replicas=2 on the topic.',
  },
  'kafka-min-isr-high': {
    severity: 'warning',
    meaning: 'Every replica must store each message: publishing stands still as soon as one node is down.',
    cure: 'Set min.insync.replicas below the number of replicas.',
  },
  'kafka-partitions-differ': {
    severity: 'warning',
    meaning: 'A topic has another number of partitions than its definition; the bus leaves it as it is.',
    cure: 'Correct the definition; do not change the topic during a migration, as keys would change partitions.',
  },
  'kafka-partitions-low': {
    severity: 'warning',
    meaning: 'A topic has one partition: one instance of each consumer works, the others idle.',
    cure: 'Use at least as many partitions as instances, before the migration begins.',
  },
  'kafka-retention-short': {
    severity: 'warning',
    meaning:
      'Kafka deletes messages that are young enough to be handled: a consumer that was away loses them.',
    cure: 'Raise retention.ms of the topic to maxMessageAge at least.',
  },
  'kafka-retention-over-inbox': {
    severity: 'warning',
    meaning:
      'The topic holds messages that the inbox has forgotten: read again from the start, they are outside of its window.',
    cure: 'Lower retention.ms of the topic below the TTL of the inbox, or raise that.',
  },
  'kafka-retention-bytes': {
    severity: 'warning',
    meaning: 'Kafka deletes messages by size, however young and whether they were handled or not.',
    cure: 'Set retention.bytes=-1 on the topic and let retention.ms decide.',
  },
  'kafka-compacted': {
    severity: 'warning',
    meaning:
      'Kafka keeps the last message of each key only: earlier ones can vanish before they are handled.',
    cure: 'Set cleanup.policy=delete unless only the last message of a key counts.',
  },
  'kafka-copies-compacted': {
    severity: 'error',
    meaning: 'Kafka keeps one retry copy or dead letter of each key only: the others are lost.',
    cure: 'Set cleanup.policy=delete on the topic.',
  },
  'kafka-copies-retention-short': {
    severity: 'warning',
    meaning: 'Kafka deletes retry copies or dead letters while they may still be wanted.',
    cure: 'Raise retention.ms of the topic.',
  },
  'kafka-copies-bytes-low': {
    severity: 'error',
    meaning:
      'A message that its topic takes is too large for its retry copies or its dead letter: it cannot be given up.',
    cure: 'Set max.message.bytes to that of the message topic and 65,536 more.',
  },
  'kafka-bytes-low': {
    severity: 'warning',
    meaning:
      'A topic takes smaller messages than Kafka by default; the smallest limit of all brokers holds for a publish.',
    cure: 'Raise max.message.bytes of the topic.',
  },
  'rabbitmq-version': {
    severity: 'info',
    meaning: 'The version of RabbitMQ.',
    cure: 'Nothing to do.',
  },
  'rabbitmq-version-old': {
    severity: 'error',
    meaning:
      'Before 3.10 quorum queues have no message TTL and may lose what they dead-letter, which retries depend on.',
    cure: 'Update RabbitMQ to 3.10 or later.',
  },
  'rabbitmq-management-not-set': {
    severity: 'not-checked',
    meaning:
      'Types, arguments and policies of queues, permissions, alarms and alternate exchanges are known to the management API only.',
    cure: 'Set RABBITMQ_MANAGEMENT_URL with a user that has the tag `monitoring`; for permissions it needs `administrator`.',
  },
  'rabbitmq-management-failed': {
    severity: 'not-checked',
    meaning: 'The management API did not answer a question.',
    cure: 'Check RABBITMQ_MANAGEMENT_URL, its user and the tags of that user.',
  },
  'rabbitmq-policy-not-shown': {
    severity: 'not-checked',
    meaning:
      'The server tells what policies set in a queue some seconds after the queue was made, and not without statistics.',
    cure: 'Check again after ten seconds.',
  },
  'rabbitmq-server-limits': {
    severity: 'not-checked',
    meaning:
      'The limits `consumer_timeout` and `max_message_size` of a node are shown to nobody outside of it.',
    cure: 'On a node: `rabbitmqctl environment`; consumer_timeout must exceed every timeoutMs, max_message_size the largest message.',
  },
  'rabbitmq-few-nodes': {
    severity: 'warning',
    meaning: 'The cluster has fewer than three nodes: quorum queues have no majority when one is lost.',
    cure: 'Run at least three nodes in production.',
  },
  'rabbitmq-node-down': {
    severity: 'warning',
    meaning: 'A node of the cluster is down.',
    cure: 'Bring it back, or make the cluster forget it.',
  },
  'rabbitmq-partitioned': {
    severity: 'error',
    meaning: 'Nodes of the cluster lost sight of each other: queues differ between them.',
    cure: 'End the partition as the guide of RabbitMQ says.',
  },
  'rabbitmq-alarm': {
    severity: 'error',
    meaning: 'Memory or disk runs out on a node: all publishers are blocked.',
    cure: 'Empty queues, free the disk, or raise the watermark.',
  },
  'rabbitmq-permission': {
    severity: 'error',
    meaning: 'The user lacks a permission on an exchange or a queue that the bus needs.',
    cure: 'Extend the named permission of the user: `rabbitmqctl set_permissions`.',
  },
  'rabbitmq-write-permission': {
    severity: 'warning',
    meaning:
      'The user may not write to an exchange whose messages the service consumes; that is right only if it does not publish.',
    cure: 'Extend the permission `write` of the user if the service publishes to the exchange.',
  },
  'rabbitmq-exchange-type': {
    severity: 'error',
    meaning: 'An exchange is of another type than its definition says: the bus does not start.',
    cure: 'Correct rabbitmq.type of the topic, or set `existing: true`.',
  },
  'rabbitmq-alternate-exchange': {
    severity: 'warning',
    meaning:
      'Messages that reach no queue go to an alternate exchange: nobody can tell that they were unroutable.',
    cure: 'Take the alternate exchange off, or watch the queue behind it.',
  },
  'rabbitmq-not-durable': {
    severity: 'error',
    meaning:
      'A queue or an exchange ends with a restart of the server, with its last consumer, or with its connection.',
    cure: 'Declare it durable, and neither auto-delete nor exclusive.',
  },
  'rabbitmq-queue-arguments': {
    severity: 'error',
    meaning: 'A queue was declared with other arguments than those of the bus: the bus does not start.',
    cure: 'Set rabbitmq.existing on the consumer to take the queue as it is, or delete the queue once it is empty.',
  },
  'rabbitmq-queue-classic': {
    severity: 'warning',
    meaning:
      'The queue is no quorum queue: it is on one node only, and a message that kills its consumer is delivered for ever.',
    cure: 'Move to a quorum queue; a migration to Kafka and back is an occasion.',
  },
  'rabbitmq-delivery-limit-low': {
    severity: 'warning',
    meaning: 'The server gives a message up after a few deliveries: restarts alone can use them up.',
    cure: 'Set the delivery limit of the queue to 20 at least, in its arguments and its policies.',
  },
  'rabbitmq-delivery-limit-none': {
    severity: 'warning',
    meaning: 'The queue has no delivery limit: a message that kills its consumer is delivered for ever.',
    cure: 'Set a delivery limit of 20 or more, by a policy if the queue cannot be declared anew.',
  },
  'rabbitmq-copies-limit-low': {
    severity: 'warning',
    meaning: 'A queue of dead letters or retry copies gives up what was looked at a few times.',
    cure: 'Set its delivery limit to 1,000,000,000; `-1` and no limit lose letters on one version or the other.',
  },
  'rabbitmq-dead-letter-exchange-none': {
    severity: 'warning',
    meaning:
      'The queue has no dead-letter exchange: what reaches its delivery limit or its length is thrown away.',
    cure: 'Set a dead-letter exchange and routing key that lead to the dead-letter queue.',
  },
  'rabbitmq-dead-letter-exchange-missing': {
    severity: 'error',
    meaning: 'The dead-letter exchange of the queue does not exist: the server throws its dead letters away.',
    cure: 'Create the exchange and bind a queue to it.',
  },
  'rabbitmq-length-limit': {
    severity: 'warning',
    meaning: 'The length of the queue is limited: over it messages are thrown away or refused.',
    cure: 'Take the limit off, and put an alarm on the depth.',
  },
  'rabbitmq-message-ttl': {
    severity: 'warning',
    meaning: 'The server takes messages out of the queue that were not handled yet.',
    cure: 'Take the TTL off; use `expiresAt` where messages may expire.',
  },
  'rabbitmq-expires': {
    severity: 'warning',
    meaning: 'The server deletes the queue when it was not used for a while; a standby queue is not used.',
    cure: 'Take the expiry off.',
  },
  'rabbitmq-consumer-timeout': {
    severity: 'warning',
    meaning:
      'The server closes the channel of a consumer whose handler runs as long as its timeoutMs allows.',
    cure: 'Raise the consumer timeout of the queue over timeoutMs, or lower that.',
  },
  'rabbitmq-unbound': {
    severity: 'warning',
    meaning: 'The queue is not bound to the exchange of its topic: nothing that is published reaches it.',
    cure: 'Bind it, or correct the names of queue and exchange.',
  },
} as const satisfies Record<string, CheckFacts>;

/** The id of a finding; programs branch on it. */
export type CheckId = keyof typeof CHECKS;
