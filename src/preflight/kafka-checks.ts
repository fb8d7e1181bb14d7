import type { CheckFacts } from './check-facts.js';

/** What can be found of Kafka. */
export const KAFKA_CHECKS = {
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
} as const satisfies Record<string, CheckFacts>;
