import type { CheckFacts } from './check-facts.js';

/** What can be found of RabbitMQ. */
export const RABBITMQ_CHECKS = {
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
