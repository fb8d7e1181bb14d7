import assert from 'node:assert/strict';
import type { Headers } from '../../contract/message.js';
import type { MessageBus } from '../../contract/message-bus.js';
import type { Schema, TopicDefinition } from '../../contract/topic.js';
import { HEADERS } from '../../messages/header-names.js';
import type { ContractCase } from './contract-case.js';
import type { RawMessage } from './contract-rig.js';
import { twoBrokers } from './needs.js';
import { record, topicOf, watch } from './scene.js';

/** Where and when it failed: all in which the letters of one failure may differ between brokers. */
const OWN = {
  kafka: [HEADERS.failedAt, HEADERS.originalPartition, HEADERS.originalOffset],
  rabbitmq: [HEADERS.failedAt, HEADERS.originalExchange, HEADERS.originalRoutingKey, HEADERS.originalQueue],
} as const;

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** One message for each way in which a message can fail, named after the reason of its letter. */
const FAILURES = ['attempts', 'expired', 'invalid', 'rejected', 'undecodable'] as const;

/** Takes everything until it is told to be strict, as a consumer's schema does that is newer than the publisher's. */
function createStrictSchema() {
  const state = { isStrict: false };
  const schema: Schema<unknown> = {
    '~standard': {
      version: 1,
      vendor: 'contract',
      validate: (value) =>
        state.isStrict && (value as { unit?: unknown }).unit === 'invalid'
          ? { issues: [{ message: 'the unit is not known' }] }
          : { value },
    },
  };
  return { state, schema };
}

/** A letter without what may differ, values as bytes; fails if something of that is missing. */
function comparable({ body, headers }: RawMessage, own: readonly string[]) {
  for (const name of own) assert.ok(Object.hasOwn(headers, name), `the header ${name} is there`);
  const shared = Object.keys(headers).filter((name) => !own.includes(name));
  return {
    body: body?.toString('hex'),
    headers: Object.fromEntries(shared.sort().map((name) => [name, bytesOf(headers, name)])),
  };
}

const bytesOf = (headers: Headers, name: string): string =>
  Buffer.from(headers[name] as string).toString('hex');

/** Publishes one message for each failure that begins with a message of ours. */
async function publishFailures(bus: MessageBus, topic: TopicDefinition): Promise<void> {
  const headers = { mine: 'köpt', bytes: Buffer.from([0xff, 0x00]), traceparent: TRACE };
  for (const id of FAILURES) {
    if (id === 'undecodable') continue;
    const expiry = id === 'expired' ? { expiresAt: new Date(Date.now() - 1) } : {};
    await bus.publish(topic, { unit: id }, { id, key: `k-${id}`, headers, ...expiry });
  }
}

/** Letters of the same failures on both brokers. */
export const deadLetterParityCases: readonly ContractCase[] = [
  {
    id: 'C39',
    title: 'the same failure has the same dead letter on both brokers, but for where and when it failed',
    needs: [twoBrokers],
    timeoutMs: 60_000,
    async run(rig) {
      const { state, schema } = createStrictSchema();
      const topic = topicOf(rig, { schema });
      const { consumer } = watch(rig, topic, {
        handle: ({ id }, context) => {
          if (id === 'attempts') throw new RangeError('the unit is out of range');
          return context.deadLetter('not wanted');
        },
      });
      const letters: Record<string, unknown>[] = [];
      for (const broker of rig.brokers) {
        // Without an inbox neither takes part in what the other one does.
        const served = { topics: [topic], consumers: [consumer], inbox: null, feed: broker.name };
        const bus = await rig.openBus(served);
        const buried = record(bus, 'dead-lettered');
        await bus.start({ consume: false });
        if (!state.isStrict) await publishFailures(bus, topic);
        state.isStrict = true;
        await broker.write(topic, { body: Buffer.from('{'), headers: { 'bc-id': 'undecodable', mine: 'x' } });
        await bus.consumer(consumer.name).start();
        await buried.atLeast(FAILURES.length);
        await bus.close();
        const found = await broker.readDeadLetters(consumer);
        const byId = found.map((one) => [String(one.headers[HEADERS.id]), comparable(one, OWN[broker.name])]);
        letters.push(Object.fromEntries(byId.sort()));
      }
      const [one, other] = letters;
      assert.deepEqual(Object.keys(one ?? {}), [...FAILURES]);
      assert.deepEqual(one, other);
    },
  },
];
