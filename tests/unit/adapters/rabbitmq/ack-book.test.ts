import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AckBook } from '../../../../src/adapters/rabbitmq/ack-book.js';
import type { IncomingMessage } from '../../../../src/contract/message.js';
import { createFakeClock } from '../../../../src/testing/fake-clock.js';

const MESSAGE = {} as IncomingMessage;

/** A book on a channel of a server that closes it, as RabbitMQ does, for an ack of what is not outstanding. */
function bookOnServer(prefetch: number) {
  const clock = createFakeClock();
  const outstanding = new Set<number>();
  const frames: string[] = [];
  let settled = 0;
  const book = new AckBook({
    clock,
    ack: (tag, isMultiple) => {
      if (!outstanding.has(tag)) throw new Error(`406 unknown delivery tag ${tag}`);
      frames.push(isMultiple ? `..${tag}` : `${tag}`);
      for (const one of [...outstanding])
        if (one === tag || (isMultiple && one < tag)) outstanding.delete(one);
    },
    settled: () => {
      settled += 1;
    },
  });
  book.setPrefetch(prefetch);
  let tag = 0;
  const deliver = () => {
    tag += 1;
    outstanding.add(tag);
    return book.add(tag, MESSAGE);
  };
  return { clock, book, deliver, outstanding, frames, settledCount: () => settled };
}

describe('acknowledging the deliveries of a channel', () => {
  test('shares one ack among half a prefetch of contiguous deliveries', () => {
    const { deliver, frames } = bookOnServer(8);
    const deliveries = Array.from({ length: 8 }, deliver);
    for (const delivery of deliveries) delivery.settle();
    expect(frames).toEqual(['..4', '..8']);
  });

  test('knows how many the server would deliver again, whatever is settled in which order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(30), { maxLength: 60 }),
        fc.integer({ min: 1, max: 16 }),
        async (order, prefetch) => {
          const { book, deliver, outstanding, clock } = bookOnServer(prefetch);
          const deliveries = Array.from({ length: 31 }, deliver);
          for (const [step, index] of order.entries()) {
            deliveries[index]?.settle();
            expect(book.unacked).toBe(outstanding.size);
            if (step % 7 === 6) await clock.advance(step % 2 === 0 ? 10 : 1_000);
            expect(book.unacked).toBe(outstanding.size);
          }
        },
      ),
    );
  });

  test('acks what is left after 10 ms', async () => {
    const { deliver, frames, clock } = bookOnServer(100);
    const deliveries = Array.from({ length: 3 }, deliver);
    for (const delivery of deliveries.slice(0, 2)) delivery.settle();
    await clock.advance(9);
    expect(frames).toEqual([]);
    await clock.advance(1);
    expect(frames).toEqual(['..2']);
  });

  test('acks each at once with a prefetch of one', () => {
    const { deliver, frames } = bookOnServer(1);
    for (let index = 0; index < 3; index += 1) deliver().settle();
    expect(frames).toEqual(['1', '2', '3']);
  });

  test('never passes a delivery that is still being handled', async () => {
    const { deliver, frames, clock, outstanding } = bookOnServer(10);
    const [first, second, third] = [deliver(), deliver(), deliver()];
    third.settle();
    second.settle();
    await clock.advance(500);
    expect(frames).toEqual([]);
    first.settle();
    await clock.advance(10);
    expect(frames).toEqual(['..3']);
    expect(outstanding.size).toBe(0);
  });

  test('acks singly after a second what a slow delivery holds up', async () => {
    const { deliver, frames, clock } = bookOnServer(10);
    const [slow, ...quick] = Array.from({ length: 4 }, deliver);
    for (const delivery of quick) delivery.settle();
    await clock.advance(1000);
    expect(frames).toEqual(['2', '3', '4']);
    slow?.settle();
    await clock.advance(10);
    expect(frames).toEqual(['2', '3', '4', '1']);
  });

  test('acks singly at once when a slow delivery holds up half a prefetch', () => {
    const { deliver, frames } = bookOnServer(6);
    const [, ...quick] = Array.from({ length: 4 }, deliver);
    for (const delivery of quick) delivery.settle();
    expect(frames).toEqual(['2', '3', '4']);
  });

  test('settles once, however often it is asked', () => {
    const { deliver, frames, settledCount, book } = bookOnServer(1);
    const delivery = deliver();
    delivery.settle();
    delivery.settle();
    expect(frames).toEqual(['1']);
    expect(settledCount()).toBe(1);
    expect(book.unsettled).toBe(0);
  });

  test('acks nothing any more once its channel is lost', async () => {
    const { deliver, frames, clock, book, settledCount } = bookOnServer(10);
    const [first, second] = [deliver(), deliver()];
    first.settle();
    book.lose();
    second.settle();
    book.flush();
    await clock.advance(5000);
    expect(frames).toEqual([]);
    expect(first.source.isLost).toBe(true);
    expect(settledCount()).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test('acks exactly what was settled, once, in whatever order and at whatever pace', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('deliver' as const) }) },
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('settle' as const), at: fc.nat(50) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 10, 400, 1000) }),
      },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.array(step, { maxLength: 120 }),
        async (prefetch, steps) => {
          const { clock, book, deliver, outstanding } = bookOnServer(prefetch);
          const open = new Map<number, ReturnType<typeof deliver>>();
          let tag = 0;
          for (const one of steps) {
            if (one.kind === 'deliver') open.set(++tag, deliver());
            else if (one.kind === 'wait') await clock.advance(one.ms);
            else {
              const chosen = [...open.keys()][one.at % Math.max(1, open.size)];
              if (chosen === undefined) continue;
              open.get(chosen)?.settle();
              open.delete(chosen);
            }
            for (const unsettled of open.keys()) expect(outstanding.has(unsettled)).toBe(true);
          }
          book.flush();
          expect([...outstanding].sort((a, b) => a - b)).toEqual([...open.keys()]);
        },
      ),
    );
  });
});
