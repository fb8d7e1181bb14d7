import assert from 'node:assert/strict';
import { memoryInbox } from '../../inbox/memory-inbox.js';
import { createRecorder } from '../recorder.js';
import { createSeededRandom } from '../seeded-random.js';
import type { ContractCase } from './contract-case.js';
import { createGate } from './gate.js';
import { openScene, topicOf, watch } from './scene.js';
import { idsFrom } from './series.js';

const KEYS = 20;
const PER_KEY = 25;

/** Lets other work go on for some turns of the event loop. */
async function someTurns(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Order within a key. */
export const orderingCases: readonly ContractCase[] = [
  {
    id: 'C22',
    title: 'messages of one key are handled in order, with as many instances as the broker can order for',
    timeoutMs: 60_000,
    async run(rig) {
      const topic = topicOf(rig);
      const random = createSeededRandom(22);
      const { consumer, handled } = watch(rig, topic, { handle: () => someTurns(random() * 4) });
      // Competing consumers of a queue have no order among each other; of partitions each has its own.
      const instances = rig.feed.capabilities.ordering === 'partition' ? 3 : 1;
      const inbox = memoryInbox();
      const buses = await Promise.all(
        Array.from({ length: instances }, () =>
          rig.openBus({ topics: [topic], consumers: [consumer], inbox }),
        ),
      );
      await Promise.all(buses.map((bus) => bus.start()));
      const sent = idsFrom(PER_KEY).flatMap((id) =>
        Array.from({ length: KEYS }, (_, key) => ({ id: `${id}-${key}`, key: `key-${key}` })),
      );
      await Promise.all(sent.map((one) => buses[0]?.publish(topic, {}, one)));
      await handled.atLeast(sent.length);
      for (let key = 0; key < KEYS; key += 1) {
        const ofKey = (messages: readonly { id: string; key: string | null }[]): string[] =>
          messages.filter((one) => one.key === `key-${key}`).map(({ id }) => id);
        assert.deepEqual(ofKey(handled.items), ofKey(sent), `key ${key}`);
      }
    },
  },
  {
    id: 'C23',
    title: 'a failing message holds up only the messages of its key',
    async run(rig) {
      const gate = createGate();
      const runs = createRecorder<string>('runs');
      const { bus, topic, handled } = await openScene(rig, {
        topic: { kafka: { partitions: 1 } },
        consumer: {
          handle: async ({ id }, { attempt }) => {
            runs.add(`${id} ${attempt}`);
            if (id !== 'bad-1') return;
            if (attempt === 1) throw new Error('not yet');
            await gate.opened;
          },
        },
      });
      await bus.publish(topic, {}, { id: 'bad-1', key: 'bad' });
      await bus.publish(topic, {}, { id: 'bad-2', key: 'bad' });
      const others = idsFrom(50);
      for (const [index, id] of others.entries())
        await bus.publish(topic, {}, { id, key: `good-${index % 5}` });
      await handled.atLeast(others.length);
      await runs.first((run) => run === 'bad-1 2');
      assert.deepEqual(handled.items.map(({ id }) => id).sort(), others);
      assert.ok(!runs.items.some((run) => run.startsWith('bad-2')), 'bad-2 waits behind bad-1');
      gate.open();
      await handled.atLeast(others.length + 2);
      assert.deepEqual(
        handled.items.slice(others.length).map(({ id }) => id),
        ['bad-1', 'bad-2'],
      );
    },
  },
];
