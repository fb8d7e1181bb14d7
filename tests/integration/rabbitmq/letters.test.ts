import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { StoredLetter } from '../../../src/contract/broker.js';
import { readLetter } from '../../../src/dead-letters/read-letter.js';
import { sendPoison } from '../../support/amqp-poison.js';
import { startProxy } from '../../support/proxy.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import {
  attachRecorder,
  type Cleanup,
  cleanup,
  makePlaces,
  message,
  openBroker,
  openPlain,
  type Plain,
  type TestBroker,
  untilHolds,
  VERSIONS,
} from './harness.js';

type Places = ReturnType<typeof makePlaces>;

describeWithServers('dead letters on RabbitMQ', { shared: VERSIONS }, (servers) => {
  describe.each(VERSIONS)('%s', (version) => {
    let undo: Cleanup;
    let plain: Plain;
    const { url } = servers[version];
    beforeEach(async () => {
      undo = cleanup();
      plain = await openPlain(url, undo);
    });
    afterEach(() => undo.run());

    const openTopic = async (brokerUrl = url) => {
      const places = makePlaces(plain, undo);
      const broker = await openBroker(brokerUrl, undo);
      await broker.port.provision({ topics: [places.topic], consumers: [places.consumer] });
      return { ...places, broker };
    };

    const bury = async (broker: TestBroker, consumer: Places['consumer'], count: number) => {
      const ids = Array.from({ length: count }, (_, index) => `letter-${index}`);
      const place = { deadLetterOf: consumer };
      await Promise.all(ids.map((id) => broker.publish(place, message({ id }))));
      return ids;
    };

    const lettersOf = (broker: TestBroker, consumer: Places['consumer'], signal?: AbortSignal) =>
      broker.port.letters(consumer, signal && { signal });

    const idsOf = async (letters: AsyncIterable<StoredLetter>) => {
      const ids: (string | null)[] = [];
      for await (const letter of letters) ids.push(letter.message.id);
      return ids;
    };

    test('are read from the oldest on, and an empty queue has none', async () => {
      const { broker, consumer, queue } = await openTopic();
      expect(await idsOf(lettersOf(broker, consumer))).toEqual([]);
      const ids = await bury(broker, consumer, 300);
      for await (const letter of lettersOf(broker, consumer)) {
        expect(letter).toMatchObject({
          message: { id: 'letter-0', position: { broker: 'rabbitmq', queue: `${queue}_dlq` } },
        });
        expect(letter.problem).toBeUndefined();
        break;
      }
      expect(await idsOf(lettersOf(broker, consumer))).toEqual(ids);
    });

    test('stay in their order, however often they are looked through and wherever a look ends', async () => {
      const { broker, consumer } = await openTopic();
      const ids = await bury(broker, consumer, 700);
      for (let look = 0; look < 50; look += 1) {
        let seen = 0;
        for await (const letter of lettersOf(broker, consumer)) {
          expect(letter.message.id).toBe(ids[seen]);
          seen += 1;
          if (seen === look * 20) break;
        }
      }
      expect(await idsOf(lettersOf(broker, consumer))).toEqual(ids);
    }, 60_000);

    test('of a large queue come in order too, again after a look at the first ones', async () => {
      const { broker, consumer } = await openTopic();
      const ids = await bury(broker, consumer, 8_000);
      for await (const letter of lettersOf(broker, consumer)) {
        expect(letter.message.id).toBe('letter-0');
        break;
      }
      expect(await idsOf(lettersOf(broker, consumer))).toEqual(ids);
      expect(await idsOf(lettersOf(broker, consumer))).toEqual(ids);
    }, 60_000);

    test('are removed one by one; the others stay', async () => {
      const { broker, consumer, queue } = await openTopic();
      const ids = await bury(broker, consumer, 200);
      let seen = 0;
      for await (const letter of lettersOf(broker, consumer)) {
        if (seen % 3 === 0) {
          expect(await letter.remove()).toBe(true);
          expect(await letter.remove()).toBe(true);
        }
        seen += 1;
      }
      const left = ids.filter((_, index) => index % 3 !== 0);
      await untilHolds(plain, `${queue}_dlq`, left.length);
      expect(await idsOf(lettersOf(broker, consumer))).toEqual(left);
    });

    test('that come while others are read are left for the next time', async () => {
      const { broker, consumer } = await openTopic();
      await bury(broker, consumer, 3);
      const ids: (string | null)[] = [];
      for await (const letter of lettersOf(broker, consumer)) {
        ids.push(letter.message.id);
        await broker.publish({ deadLetterOf: consumer }, message());
      }
      expect(ids).toEqual(['letter-0', 'letter-1', 'letter-2']);
    });

    test('cannot be removed once the reading is over', async () => {
      const { broker, consumer } = await openTopic();
      const ids = await bury(broker, consumer, 2);
      const kept: StoredLetter[] = [];
      for await (const letter of lettersOf(broker, consumer)) kept.push(letter);
      await expect(kept[0]?.remove()).rejects.toMatchObject({
        code: expect.stringMatching(/^BC_/) as unknown,
      });
      expect(await idsOf(lettersOf(broker, consumer))).toEqual(ids);
    });

    test('are not read on when the signal is aborted, or the broker closed', async () => {
      const { broker, consumer } = await openTopic();
      const ids = await bury(broker, consumer, 10);
      const over = new AbortController();
      const seen: (string | null)[] = [];
      for await (const letter of lettersOf(broker, consumer, over.signal)) {
        seen.push(letter.message.id);
        if (seen.length === 4) over.abort();
      }
      expect(seen).toEqual(ids.slice(0, 4));
      expect(await idsOf(lettersOf(broker, consumer, over.signal))).toEqual([]);
      expect(await idsOf(lettersOf(broker, consumer))).toEqual(ids);
      await broker.port.close({ deadlineMs: 2_000 });
      expect(await idsOf(lettersOf(broker, consumer))).toEqual([]);
    });

    test('of a queue that is missing are an error that names it', async () => {
      const { broker, consumer, queue } = await openTopic();
      await (await plain.channel()).deleteQueue(`${queue}_dlq`);
      await expect(idsOf(lettersOf(broker, consumer))).rejects.toMatchObject({
        code: 'BC_PLACE_MISSING',
        message: expect.stringContaining(`${queue}_dlq`) as unknown,
      });
    });

    test('stay when the connection dies over them, and the reading says so', async () => {
      const proxy = await startProxy({ target: Number(new URL(url).port), protocol: 'amqp' });
      undo.add(() => proxy.close());
      const { broker, consumer } = await openTopic(`amqp://guest:guest@127.0.0.1:${proxy.port}`);
      const ids = await bury(broker, consumer, 400);
      const seen: string[] = [];
      const read = async () => {
        for await (const letter of lettersOf(broker, consumer)) {
          seen.push(letter.message.id as string);
          if (seen.length === 100) proxy.reset();
        }
      };
      await expect(read()).rejects.toMatchObject({ code: 'BC_BROKER_UNAVAILABLE' });
      expect(seen).toEqual(ids.slice(0, seen.length));
      await untilHolds(plain, `${consumer.group}_dlq`, ids.length);
      expect((await idsOf(lettersOf(await openBroker(url, undo), consumer))).sort()).toEqual([...ids].sort());
    });

    test('that kill the client are shown, with what can be read, and can be removed', async () => {
      const { broker, consumer, topic, queue } = await openTopic();
      const after = message();
      await sendPoison(url, { exchange: '', routingKey: queue });
      await broker.publish(topic, after);
      const { leg, seen } = await attachRecorder(broker, consumer);
      await seen.until((one) => one.message.id === after.id);
      await untilHolds(plain, `${queue}_dlq`, 1);
      await leg.detach({ deadlineMs: 2_000 });
      const lost = broker.told.all.filter((one) => one.name === 'broker-lost').length;
      await bury(broker, consumer, 2);
      const read = async () => {
        const letters: StoredLetter[] = [];
        for await (const letter of lettersOf(broker, consumer)) letters.push(letter);
        return letters;
      };
      await read();
      const letters = await read();
      expect(letters.map((one) => one.message.id)).toEqual(['poison', 'letter-0', 'letter-1']);
      const [poison] = letters as [StoredLetter];
      expect(poison.problem).toContain('nested');
      expect(poison.message).toMatchObject({ body: Buffer.from('{}'), headers: { plain: 'text' } });
      expect(readLetter(poison.message, { consumer: consumer.name, topic: topic.name })).toMatchObject({
        id: 'poison',
        consumer: consumer.name,
        reason: 'poison',
        failedAtMs: expect.any(Number) as unknown,
        origin: { queue },
        isNative: true,
      });
      for await (const letter of lettersOf(broker, consumer)) {
        if (letter.problem !== undefined) await letter.remove();
      }
      expect(await idsOf(lettersOf(broker, consumer))).toEqual(['letter-0', 'letter-1']);
      // Reading it has cost nobody a connection.
      expect(broker.told.all.filter((one) => one.name === 'broker-lost')).toHaveLength(lost);
    }, 90_000);

    test('that RabbitMQ made of expired messages are shown as such', async () => {
      const { broker, consumer, topic, queue } = await openTopic();
      const channel = await plain.channel();
      channel.sendToQueue(queue, Buffer.from('late'), {
        expiration: '1',
        messageId: 'late',
        persistent: true,
      });
      await untilHolds(plain, `${queue}_dlq`, 1);
      for await (const { message: letter } of lettersOf(broker, consumer)) {
        const shown = readLetter(letter, { consumer: consumer.name, topic: topic.name });
        expect(shown).toMatchObject({ id: 'late', reason: 'expired', origin: { queue }, isNative: true });
        expect(Math.abs(Date.now() - (shown.failedAtMs as number))).toBeLessThan(60_000);
      }
      expect(await idsOf(lettersOf(broker, consumer))).toEqual(['late']);
    });

    test('of a classic queue of somebody else are read too', async () => {
      const name = `foreign-${randomUUID()}`;
      const channel = await plain.channel();
      await channel.assertQueue(name, { durable: true });
      await channel.assertQueue(`${name}_dlq`, { durable: true });
      const { consumer } = makePlaces(plain, undo, { consumer: { queue: name, existing: true } });
      const broker = await openBroker(url, undo);
      const ids = await bury(broker, consumer, 100);
      expect(await idsOf(lettersOf(broker, consumer))).toEqual(ids);
      expect(await idsOf(lettersOf(broker, consumer))).toEqual(ids);
    });
  });
});
