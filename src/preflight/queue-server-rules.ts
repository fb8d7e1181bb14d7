import type { InspectedNode, QueueInspection } from '../contract/inspection.js';
import type { Finding } from '../contract/setup-check.js';
import type { CheckId } from './checks.js';
import { clockFindings } from './clock-rule.js';
import { exchangeFindings } from './exchange-rules.js';
import { finding, whatOf } from './finding.js';
import { permissionFindings } from './permission-rules.js';
import { queueFindings } from './queue-rules.js';

const WHERE = 'rabbitmq';
const NODES_MIN = 3;
const OLDEST = [3, 10] as const;

const seen = (id: CheckId, found: string, expected: string): Finding =>
  finding(id, { where: WHERE, found, expected });

/** Everything that is to say about RabbitMQ. */
export function queueServerFindings(inspection: QueueInspection): Finding[] {
  const { version, exchanges, queues } = inspection;
  return [
    ...versionFindings(version),
    ...managementFindings(inspection),
    seen('rabbitmq-server-limits', 'consumer_timeout, max_message_size', 'limits that the consumers keep to'),
    ...exchanges.flatMap(exchangeFindings),
    ...queues.flatMap((queue) => queueFindings(queue, version)),
  ];
}

function versionFindings(version: string): Finding[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  if (isOld) return [seen('rabbitmq-version-old', version, `at least ${OLDEST.join('.')}`)];
  return [seen('rabbitmq-version', version, '3.10 and 4.0 are tested')];
}

function managementFindings(inspection: QueueInspection): Finding[] {
  const { management } = inspection;
  const expected = 'an answer of the management API';
  if (management === null) {
    const found = 'no address: what only the management API knows was not checked';
    return [seen('rabbitmq-management-not-set', found, 'RABBITMQ_MANAGEMENT_URL')];
  }
  if (management.status === 'unknown') {
    return [seen('rabbitmq-management-failed', whatOf(management.error), expected)];
  }
  const { nodes, permissions, clockAheadMs } = management.value;
  return [
    ...(nodes.status === 'unknown'
      ? [seen('rabbitmq-management-failed', whatOf(nodes.error), 'the nodes of the cluster')]
      : nodeFindings(nodes.value)),
    ...(permissions.status === 'unknown'
      ? [seen('rabbitmq-management-failed', whatOf(permissions.error), 'the permissions of the user')]
      : permissionFindings(inspection, permissions.value)),
    ...clockFindings(WHERE, clockAheadMs),
  ];
}

function nodeFindings(nodes: readonly InspectedNode[]): Finding[] {
  const named = (isHurt: (node: InspectedNode) => boolean): string =>
    nodes
      .filter(isHurt)
      .map(({ name }) => name)
      .join(', ');
  const down = named(({ isRunning }) => !isRunning);
  const memory = named(({ hasMemoryAlarm }) => hasMemoryAlarm);
  const disk = named(({ hasDiskAlarm }) => hasDiskAlarm);
  const parted = named(({ partitions }) => partitions.length > 0);
  return [
    ...(nodes.length < NODES_MIN
      ? [seen('rabbitmq-few-nodes', `${nodes.length} of ${NODES_MIN}`, `at least ${NODES_MIN} nodes`)]
      : []),
    ...(down === '' ? [] : [seen('rabbitmq-node-down', `${down} is down`, 'all nodes up')]),
    ...(memory === '' ? [] : [seen('rabbitmq-alarm', `memory alarm on ${memory}`, 'no alarm')]),
    ...(disk === '' ? [] : [seen('rabbitmq-alarm', `disk alarm on ${disk}`, 'no alarm')]),
    ...(parted === '' ? [] : [seen('rabbitmq-partitioned', `partitions seen by ${parted}`, 'one cluster')]),
  ];
}
