import type { LogInspection, Look } from '../contract/inspection.js';
import type { Finding } from '../contract/setup-check.js';
import type { CheckContext } from './check-context.js';
import { finding, showMs, whatOf } from './finding.js';
import { logTopicFindings } from './log-topic-rules.js';

const WHERE = 'kafka';
const NODES_MIN = 3;
const MINUTE_MS = 60_000;

/** Everything that is to say about Kafka. */
export function logFindings(log: LogInspection, context: CheckContext): Finding[] {
  const { topics, nodes } = log;
  const byName = new Map(topics.map((topic) => [topic.name, topic]));
  return [
    ...clusterFindings(log),
    ...settingsFindings(log, context),
    ...log.groups.flatMap(groupFindings),
    ...topics.flatMap((topic) => logTopicFindings(topic, { context, nodes, byName })),
  ];
}

function clusterFindings({ version, nodes }: LogInspection): Finding[] {
  const expected = `at least ${NODES_MIN} nodes`;
  return [
    ...(version === null
      ? []
      : [finding('kafka-version', { where: WHERE, found: version, expected: '4.1 is tested' })]),
    ...(nodes >= NODES_MIN
      ? []
      : [finding('kafka-few-nodes', { where: WHERE, found: `${nodes} of ${NODES_MIN}`, expected })]),
  ];
}

function settingsFindings(log: LogInspection, context: CheckContext): Finding[] {
  const { settings, sessionTimeoutMs } = log;
  if (settings.status === 'unknown') {
    const seen = { where: WHERE, found: whatOf(settings.error), expected: 'settings that may be read' };
    return [finding('kafka-settings-not-shown', seen)];
  }
  const read = (name: string): number => Number(settings.value.get(name) ?? Number.NaN);
  return [
    ...autoCreate(settings.value.get('auto.create.topics.enable')),
    ...sessionTimeout(sessionTimeoutMs, [
      read('group.min.session.timeout.ms'),
      read('group.max.session.timeout.ms'),
    ]),
    ...offsetsRetention(read('offsets.retention.minutes') * MINUTE_MS, context),
  ];
}

function autoCreate(enabled: string | undefined): Finding[] {
  if (enabled !== 'true') return [];
  const seen = {
    where: WHERE,
    found: 'auto.create.topics.enable=true',
    expected: 'auto.create.topics.enable=false',
  };
  return [finding('kafka-auto-create', seen)];
}

function sessionTimeout(askedMs: number, [leastMs, mostMs]: readonly [number, number]): Finding[] {
  if (!(askedMs < leastMs || askedMs > mostMs)) return [];
  const expected = `${leastMs} to ${mostMs} ms`;
  return [
    finding('kafka-session-timeout', { where: 'kafka.sessionTimeoutMs', found: `${askedMs} ms`, expected }),
  ];
}

function offsetsRetention(keptMs: number, { maxMessageAgeMs }: CheckContext): Finding[] {
  if (!(keptMs < maxMessageAgeMs)) return [];
  const found = `offsets are kept for ${showMs(keptMs)}`;
  const expected = `at least maxMessageAge, ${showMs(maxMessageAgeMs)}`;
  return [finding('kafka-offsets-retention', { where: WHERE, found, expected })];
}

function groupFindings({ name, operations }: LogInspection['groups'][number]): Finding[] {
  const where = `kafka: group ${name}`;
  const expected = 'READ, DESCRIBE';
  const problem = groupProblem(operations);
  return problem === null ? [] : [finding(problem.id, { where, found: problem.found, expected })];
}

function groupProblem(operations: Look<ReadonlySet<string> | null>) {
  if (operations.status === 'unknown') {
    const { code } = operations.error;
    const id = code === 'BC_PERMISSION' ? 'kafka-permission' : 'place-not-shown';
    return { id, found: whatOf(operations.error) } as const;
  }
  if (operations.value === null || operations.value.has('READ')) return null;
  return { id: 'kafka-permission', found: 'without READ' } as const;
}
