import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Logger } from '../../contract/logger.js';
import type { ContractCase } from './contract-case.js';
import { rejectionOf } from './rejection-of.js';
import { openScene, record, topicOf } from './scene.js';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const TRACESTATE = 'vendor=opaque,other=1';
const CANARY = 'cAnArY-5f1e7d';

/** Keeps everything that is logged, at every level. */
function capturingLogger(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (fields: object, message: string): void => void lines.push(shown(fields), message);
  const logger = {
    level: 'debug',
    debug: keep,
    info: keep,
    warn: keep,
    error: keep,
    isLevelEnabled: () => true,
  };
  return { logger, lines };
}

/** Everything of a value that anyone could print. */
const shown = (value: unknown): string => inspect(value, { depth: 12, showHidden: true });

/** What travels beside the body, and what must not. */
export const securityCases: readonly ContractCase[] = [
  {
    id: 'C61',
    title: 'trace ids survive the trip, every attempt and the dead letter',
    async run(rig) {
      const seen: unknown[] = [];
      const { bus, topic, consumer } = await openScene(rig, {
        consumer: {
          handle: ({ headers }) => {
            seen.push([headers.traceparent, headers.tracestate]);
            throw new Error('again');
          },
        },
      });
      const buried = record(bus, 'dead-lettered');
      await bus.publish(topic, {}, { headers: { traceparent: TRACEPARENT, tracestate: TRACESTATE } });
      await buried.atLeast(1);
      const trace = [TRACEPARENT, TRACESTATE];
      assert.deepEqual(seen, [trace, trace, trace]);
      const [letter] = await rig.feed.readDeadLetters(consumer);
      assert.deepEqual([letter?.headers.traceparent, letter?.headers.tracestate], trace);
    },
  },
  {
    id: 'C62',
    title: 'a secret of the configuration or in an error text is in no log line, event, error or dead letter',
    timeoutMs: 60_000,
    async run(rig) {
      const { logger, lines } = capturingLogger();
      const topic = topicOf(rig);
      const locked = await rig.openBus({ topics: [topic], secret: CANARY, logger, startTimeoutMs: 3_000 });
      // Servers that check passwords refuse this one; embedded brokers have none.
      const outcome = await locked.start({ consume: false }).then(
        () => 'started',
        (error: unknown) => shown(error),
      );
      const told = [outcome, shown(locked.health()), shown(locked)];
      await locked.close();
      const { bus, consumer, ...scene } = await openScene(rig, {
        consumer: {
          handle: () => {
            throw new Error(`cannot reach amqp://billing:${CANARY}@db.internal/orders, password=${CANARY}`);
          },
        },
      });
      const buried = record(bus, 'dead-lettered');
      await bus.publish(scene.topic, {});
      await buried.atLeast(1);
      const letters = await rig.feed.readDeadLetters(consumer);
      assert.match(String(letters[0]?.headers['error-message']), /cannot reach/);
      for (const text of [...told, ...lines, shown(letters), ...rig.trouble().filter(isOfBus)]) {
        assert.ok(!text.includes(CANARY), `the secret is in: ${text}`);
      }
    },
  },
  {
    id: 'C63',
    title: 'control headers from a caller are refused, and a header named __proto__ changes nothing',
    async run(rig) {
      const { bus, topic, handled } = await openScene(rig);
      for (const name of ['bc-attempt', 'bc-id', 'BC-Replay-Count', 'bc-anything']) {
        const error = await rejectionOf(bus.publish(topic, {}, { headers: { [name]: '7' } }));
        assert.equal(error.code, 'BC_MESSAGE_INVALID', name);
      }
      const hostile = JSON.parse('{"__proto__": "polluted", "constructor": "c", "plain": "kept"}');
      await bus.publish(topic, {}, { id: 'own', headers: hostile });
      await rig.feed.write(topic, { body: Buffer.from('{}'), headers: { ...hostile, 'bc-id': 'foreign' } });
      await rig.feed.write(topic, {
        body: Buffer.from('{}'),
        headers: {
          'bc-id': 'spoofed',
          'bc-attempt': '-1',
          'bc-replay-count': 'many',
          'bc-header-types': '{"x"',
        },
      });
      for (const id of ['own', 'foreign', 'spoofed']) {
        const { headers, attempt } = await handled.first((one) => one.id === id);
        assert.equal(attempt, 1);
        assert.equal(Object.getPrototypeOf(headers), null);
        if (id === 'own') assert.equal(headers.plain, 'kept');
        assert.equal(({} as Record<string, unknown>).polluted, undefined);
      }
    },
  },
];

/** Events of a handler that threw hold what it threw: that is the caller's own. */
const isOfBus = (line: string): boolean => !line.startsWith('attempt-failed');
