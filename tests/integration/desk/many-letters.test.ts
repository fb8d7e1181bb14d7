import { afterEach, describe, expect, test } from '@jest/globals';
import type { AnyConsumer } from '../../../src/contract/consumer.js';
import type { BrokerName, OutgoingMessage } from '../../../src/contract/message.js';
import type { AnyTopic } from '../../../src/contract/topic.js';
import { HEADERS } from '../../../src/messages/header-names.js';
import { runProgram } from '../../support/run-program.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import {
  closeBrokersAfterEach,
  openBroker as openKafka,
  send,
  someConsumer,
  someMessage,
  someTopic,
} from '../kafka/kafka-harness.js';
import { cleanup, makePlaces, openPlain, openBroker as openRabbitmq } from '../rabbitmq/harness.js';
import type { LettersReport, LettersSpec } from './read-letters.fixture.js';

/** Letters of the check; the numbers of the guide are those of `DESK_LETTERS=100000`. */
const LETTERS = Number(process.env.DESK_LETTERS ?? 5_000);

/** Bytes of all letters together, so that whoever keeps them is found; of very many the headers alone are about as large. */
const TOTAL_BYTES = 160 * 1024 * 1024;

/** Most memory of a look-through, MiB. */
const PEAK_MAX_MIB = 96;

const BATCH = 500;
const ERRORS = 7;
const STACK = `Error: cannot book\n${'    at book (/app/src/book.js:3:9)\n'.repeat(30)}`;

const letterOf = (n: number, consumer: string): OutgoingMessage =>
  someMessage(`m${n}`, {
    body: Buffer.alloc(Math.max(16, Math.floor(TOTAL_BYTES / LETTERS) - 2_048), 'x'),
    headers: {
      [HEADERS.failedConsumer]: consumer,
      [HEADERS.reason]: 'attempts',
      [HEADERS.errorType]: `Error${n % ERRORS}`,
      [HEADERS.errorStack]: STACK,
    },
  });

/** Where letters are put, and how many at a time are stored. */
interface Place {
  readonly topic: AnyTopic;
  readonly consumer: AnyConsumer;
  readonly store: (letter: OutgoingMessage) => Promise<{ readonly status: string }>;
}

async function fill({ consumer, store }: Place): Promise<void> {
  for (let from = 0; from < LETTERS; from += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, LETTERS - from) }, (_, n) => from + n);
    const outcomes = await Promise.all(numbers.map((n) => store(letterOf(n, consumer.name))));
    expect(outcomes.every(({ status }) => status === 'stored')).toBe(true);
  }
}

async function look({ topic, consumer }: Place, env: Record<string, string>): Promise<LettersReport> {
  const spec: LettersSpec = { env, topic: topic.name, consumer: consumer.name, group: consumer.group };
  const program = ['--expose-gc', '--import', 'tsx', 'tests/integration/desk/read-letters.fixture.ts'];
  const { code, stdout, stderr } = await runProgram([process.execPath, ...program], {
    env: { LETTERS_SPEC: JSON.stringify(spec) },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as LettersReport;
}

function assertBounded(report: LettersReport, broker: BrokerName, version: string): void {
  if (process.env.DESK_LETTERS !== undefined)
    process.stderr.write(`${broker} ${version}: ${JSON.stringify(report)}\n`);
  expect(report).toMatchObject({ letters: LETTERS, groups: ERRORS, paged: 2_000, lastId: 'm1999' });
  expect(report.peakMiB).toBeLessThan(PEAK_MAX_MIB);
}

const NEEDED = { shared: ['kafka', 'rabbitmq-3.10', 'rabbitmq-4.0'] } as const;

describeWithServers('very many letters are paged and grouped in bounded memory', NEEDED, (servers) => {
  closeBrokersAfterEach();
  const undo = cleanup();
  afterEach(() => undo.run(), 60_000);

  describe.each(['rabbitmq-3.10', 'rabbitmq-4.0'] as const)('on %s', (version) => {
    test(`${LETTERS} letters, in their order`, async () => {
      const { url } = servers[version];
      const places = makePlaces(await openPlain(url, undo), undo);
      const broker = await openRabbitmq(url, undo);
      await broker.port.provision({ topics: [places.topic], consumers: [places.consumer] });
      const destination = { deadLetterOf: places.consumer };
      const place = { ...places, store: (one: OutgoingMessage) => broker.publish(destination, one) };
      await fill(place);
      const report = await look(place, {
        RABBITMQ_ENABLED: 'true',
        RABBITMQ_URL: url,
        KAFKA_ENABLED: 'false',
      });
      assertBounded(report, 'rabbitmq', version);
    }, 900_000);
  });

  test(`${LETTERS} letters on Kafka, in their order`, async () => {
    const topic = someTopic({ partitions: 1 });
    const consumer = someConsumer(topic);
    const { broker } = await openKafka(servers.kafka.brokers);
    await broker.provision({ topics: [topic], consumers: [consumer] });
    const publisher = broker.publisher({ kind: 'dead-letter', consumer });
    const place = { topic, consumer, store: (one: OutgoingMessage) => send(publisher, one, 60_000).outcome };
    await fill(place);
    const env = {
      KAFKA_ENABLED: 'true',
      KAFKA_BROKERS: servers.kafka.brokers.join(','),
      RABBITMQ_ENABLED: 'false',
    };
    assertBounded(await look(place, env), 'kafka', '4.1');
  }, 900_000);
});
