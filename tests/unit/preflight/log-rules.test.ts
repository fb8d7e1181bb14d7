import { expect, test } from '@jest/globals';
import { BuscouplerError, type ErrorCode } from '../../../src/contract/errors.js';
import type { InspectedLogTopic, LogInspection, Look } from '../../../src/contract/inspection.js';
import { judge } from '../../../src/preflight/judge.js';
import { CONTEXT, idsOf, log, logTopic, seen } from './facts.js';

const unknown = (code: ErrorCode): Look<never> => ({
  status: 'unknown',
  error: new BuscouplerError(code, 'Kafka says no.'),
});

const partition = (changes: object) => [{ partition: 0, leader: 1, replicas: 3, inSync: 3, ...changes }];

const letters = (settings: Record<string, string> = {}): InspectedLogTopic[] => [
  logTopic({}, {}, { 'max.message.bytes': '2000000' }),
  logTopic(
    { name: 'orders_dlt', purpose: 'dead-letter', copiesOf: 'orders', wantedPartitions: null },
    {},
    { 'max.message.bytes': '2065536', ...settings },
  ),
];

test('a good cluster has no findings but its version', () => {
  expect(idsOf('kafka', log())).toEqual([]);
  expect(idsOf('kafka', log({ topics: letters() }))).toEqual([]);
  const [version] = judge('kafka', log({ version: '4.0 or later' }), CONTEXT);
  expect(version).toMatchObject({ id: 'kafka-version', severity: 'info', found: '4.0 or later' });
});

const topics = (...given: Parameters<typeof logTopic>): Partial<LogInspection> => ({
  topics: [logTopic(...given)],
});
const nodeSettings = (changes: Record<string, string>): Partial<LogInspection> => ({
  settings: seen(new Map(Object.entries(changes))),
});

test.each<[string, Partial<LogInspection>]>([
  ['kafka-few-nodes', { nodes: 2, topics: [] }],
  ['kafka-settings-not-shown', { settings: unknown('BC_PERMISSION') }],
  ['kafka-auto-create', nodeSettings({ 'auto.create.topics.enable': 'true' })],
  ['kafka-session-timeout', nodeSettings({ 'group.max.session.timeout.ms': '10000' })],
  ['kafka-session-timeout', nodeSettings({ 'group.min.session.timeout.ms': '60000' })],
  ['kafka-offsets-retention', nodeSettings({ 'offsets.retention.minutes': '1440' })],
  ['kafka-permission', { groups: [{ name: 'g', operations: unknown('BC_PERMISSION') }] }],
  ['kafka-permission', { groups: [{ name: 'g', operations: seen(new Set(['DESCRIBE'])) }] }],
  ['place-not-shown', { groups: [{ name: 'g', operations: unknown('BC_BROKER_UNAVAILABLE') }] }],
  ['kafka-permission', topics({ state: unknown('BC_PERMISSION') })],
  ['place-not-shown', topics({ state: unknown('BC_BROKER_UNAVAILABLE') })],
  ['kafka-write-permission', topics({}, { operations: new Set(['DESCRIBE', 'READ']) })],
  ['kafka-permission', topics({ consumers: [] }, { operations: new Set(['DESCRIBE']) })],
  ['kafka-permission', topics({ purpose: 'retry' }, { operations: new Set(['DESCRIBE', 'READ']) })],
  ['place-missing', topics({ state: seen(null), isOurs: false })],
  ['place-will-be-created', topics({ state: seen(null), creation: seen(true) })],
  ['kafka-permission', topics({ state: seen(null), creation: unknown('BC_PERMISSION') })],
  ['kafka-name-collision', topics({ state: seen(null), creation: unknown('BC_NAME_INVALID') })],
  ['kafka-create-refused', topics({ state: seen(null), creation: unknown('BC_PLACE_CONFLICT') })],
  ['kafka-no-leader', topics({ wantedPartitions: 1 }, { partitions: partition({ leader: -1 }) })],
  ['kafka-under-replicated', topics({ wantedPartitions: 1 }, { partitions: partition({ inSync: 2 }) })],
  ['kafka-min-isr-low', topics({}, {}, { 'min.insync.replicas': '1' })],
  ['kafka-min-isr-high', topics({}, {}, { 'min.insync.replicas': '3' })],
  ['kafka-partitions-differ', topics({ wantedPartitions: 6 })],
  ['kafka-partitions-low', topics({ wantedPartitions: null }, { partitions: partition({}) })],
  ['kafka-settings-not-shown', topics({}, { settings: unknown('BC_PERMISSION') })],
  ['kafka-compacted', topics({}, {}, { 'cleanup.policy': 'compact,delete' })],
  ['kafka-retention-short', topics({}, {}, { 'retention.ms': '604799999' })],
  ['kafka-retention-over-inbox', topics({}, {}, { 'retention.ms': '-1' })],
  ['kafka-retention-over-inbox', topics({}, {}, { 'retention.ms': String(31 * 86_400_000) })],
  ['kafka-retention-bytes', topics({}, {}, { 'retention.bytes': '1000' })],
  ['kafka-bytes-low', topics({}, {}, { 'max.message.bytes': '65536' })],
  ['kafka-copies-compacted', { topics: letters({ 'cleanup.policy': 'compact' }) }],
  ['kafka-copies-retention-short', { topics: letters({ 'retention.ms': '86400000' }) }],
  ['kafka-copies-bytes-low', { topics: letters({ 'max.message.bytes': '1999999' }) }],
])('finds %s, and nothing else', (id, changes) => {
  expect(idsOf('kafka', log(changes))).toEqual([id]);
});

test('fewer replicas than nodes are found once, without a word about replicas in sync', () => {
  const single = topics({ wantedPartitions: 1 }, { partitions: partition({ replicas: 1, inSync: 1 }) });
  expect(idsOf('kafka', log(single))).toEqual(['kafka-replication-low']);
  // On one node there is nothing to gain: that there is one is said of the cluster.
  expect(idsOf('kafka', log({ ...single, nodes: 1 }))).toEqual(['kafka-few-nodes']);
});

test('a retry topic keeps its copies a day longer than they wait', () => {
  const retry = (retentionMs: number) =>
    topics({ purpose: 'retry', delayMs: 3_600_000 }, {}, { 'retention.ms': String(retentionMs) });
  expect(idsOf('kafka', log(retry(90_000_000)))).toEqual([]);
  expect(idsOf('kafka', log(retry(89_999_999)))).toEqual(['kafka-copies-retention-short']);
});

test('retention is measured by a shared inbox alone, and where somebody consumes', () => {
  const endless = { 'retention.ms': '-1' };
  const context = { ...CONTEXT, inbox: null };
  expect(idsOf('kafka', log(topics({}, {}, endless)), context)).toEqual([]);
  expect(idsOf('kafka', log(topics({ consumers: [] }, {}, endless)))).toEqual([]);
});

test('a finding says where, what, how it should be, what to do and where that is explained', () => {
  const changes = topics({}, {}, { 'min.insync.replicas': '1' });
  expect(judge('kafka', log(changes), CONTEXT)).toEqual([
    {
      id: 'kafka-min-isr-low',
      severity: 'warning',
      where: 'kafka: topic orders',
      found: 'min.insync.replicas=1 with 3 replicas',
      expected: 'min.insync.replicas=2',
      cure: 'Set min.insync.replicas=2 on the topic.',
      page: 'docs/reference/checks.md#kafka-min-isr-low',
    },
  ]);
});

test('a refusal is told in the words of the broker, without the cure of the error', () => {
  const [one] = judge('kafka', log(topics({ state: unknown('BC_PERMISSION') })), CONTEXT);
  expect(one?.found).toBe('Kafka says no.');
});
