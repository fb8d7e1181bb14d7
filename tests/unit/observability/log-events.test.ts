import { describe, expect, it } from '@jest/globals';
import { BuscouplerError } from '../../../src/contract/errors.js';
import type { BusEventName, BusEvents } from '../../../src/contract/events.js';
import type { MessageBus } from '../../../src/contract/message-bus.js';
import { createLogger } from '../../../src/observability/create-logger.js';
import { EVENT_NAMES, lineOf, logEvents } from '../../../src/observability/log-events.js';

/** A source of events as the bus is one. */
function createSource() {
  const listeners = new Map<string, Set<(event: never) => void>>();
  const on: MessageBus['on'] = (name, listener) => {
    const set = listeners.get(name) ?? new Set();
    listeners.set(name, set.add(listener as (event: never) => void));
    return () => set.delete(listener as (event: never) => void);
  };
  const emit = (name: BusEventName, event: unknown): void => {
    for (const listener of listeners.get(name) ?? []) listener(event as never);
  };
  return { on, emit };
}

/** Every field that any event has. */
const everything = {
  broker: 'kafka',
  address: 'localhost:9092',
  role: 'publisher',
  error: new BuscouplerError('BC_BROKER_UNAVAILABLE', 'Cannot reach amqp://u:s3cret@h.'),
  afterMs: 12.6,
  reason: 'memory alarm',
  kind: 'topic',
  name: 'a_topic',
  consumer: 'a-consumer',
  topic: 'a_topic',
  group: 'a-group',
  unsettled: 2,
  from: 'rabbitmq',
  to: 'kafka',
  tookMs: 3,
  partition: 1,
  offset: '7',
  firstOffset: '3',
  lastOffset: '4',
  isStored: true,
  id: 'an-id',
  attempt: 1,
  delayMs: 5_000,
  willRetry: true,
  place: 'a_topic_dlt',
  pending: 4,
  what: 'Something.',
};

function run(names: readonly BusEventName[], level: 'debug' | 'info' = 'info', pretty = false) {
  const chunks: string[] = [];
  const stream = { write: (text: string) => chunks.push(text) };
  const source = createSource();
  const stop = logEvents(source.on, createLogger({ level, stream, pretty }));
  for (const name of names) source.emit(name, everything);
  stop();
  source.emit('warning', { what: 'after the end' } satisfies BusEvents['warning']);
  return chunks.join('').split('\n').slice(0, -1);
}

describe('logEvents', () => {
  it('writes exactly one line per event, without undefined parts and secrets', () => {
    const lines = run(EVENT_NAMES, 'debug');
    expect(lines.map((line) => JSON.parse(line).event)).toEqual(EVENT_NAMES);
    for (const line of lines) expect(JSON.parse(line).msg).not.toMatch(/undefined|\[object/);
    expect(lines.join()).not.toContain('s3cret');
  });

  it('writes one line per event in a terminal too', () => {
    const shown = EVENT_NAMES.filter((name) => lineOf(name).level !== 'debug');
    expect(run(EVENT_NAMES, 'info', true)).toHaveLength(shown.length);
  });

  it('words the life of a connection as the guide does', () => {
    const lines = run(['broker-connecting', 'broker-connected', 'consumer-started'], 'info', true);
    expect(lines[0]).toContain('📨 Attempting to connect to Kafka brokers: localhost:9092...');
    expect(lines[1]).toContain('✅ Kafka Producer connected');
    expect(lines[2]).toContain("📥 Waiting for messages in topic 'a_topic' (Group: a-group)");
  });

  it('tells a failure as a warning and what needs a person as an error', () => {
    const levels = Object.fromEntries(
      EVENT_NAMES.map((name) => [name, JSON.parse(run([name])[0] ?? '{}').level as string]),
    );
    expect(levels).toMatchObject({
      'broker-lost': 'warn',
      'copy-lost': 'error',
      'dead-letter-failed': 'error',
    });
  });
});
