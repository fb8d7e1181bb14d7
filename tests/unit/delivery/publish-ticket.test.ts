import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type PublishOutcome, STORED } from '../../../src/contract/broker.js';
import type { OutgoingMessage } from '../../../src/contract/message.js';
import { Ticket, TicketBook, type TicketOwner } from '../../../src/delivery/publish-ticket.js';
import { createFakeClock } from '../../../src/testing/fake-clock.js';

const message: OutgoingMessage = {
  id: 'one',
  key: null,
  body: Buffer.from('1'),
  headers: {},
  contentType: 'application/json',
  timestampMs: 0,
};

/** A book with tickets whose ends are recorded. */
function createTickets() {
  const clock = createFakeClock();
  const book = new TicketBook(clock);
  const ends: { index: number; outcome: PublishOutcome }[] = [];
  const owner: TicketOwner = {
    isAwaited: true,
    ticketSettled: (ticket, outcome) => ends.push({ index: ticket.index, outcome }),
  };
  const issue = (index: number, deadlineMs: number): Ticket => {
    const ticket = new Ticket(message, deadlineMs, owner, index);
    book.add(ticket);
    return ticket;
  };
  return { clock, book, ends, issue };
}

test('at its deadline a ticket that was not sent has failed and one that was is uncertain', async () => {
  const { clock, ends, issue } = createTickets();
  issue(0, 1_000);
  issue(1, 1_000).wasSent = true;
  await clock.advance(999);
  expect(ends).toEqual([]);
  await clock.advance(51);
  expect(ends).toMatchObject([
    { index: 0, outcome: { status: 'failed', error: { code: 'BC_PUBLISH_TIMEOUT' } } },
    { index: 1, outcome: { status: 'uncertain', error: { code: 'BC_PUBLISH_TIMEOUT' } } },
  ]);
});

test('an acknowledgement that comes after the end is ignored', async () => {
  const { clock, ends, issue } = createTickets();
  const ticket = issue(0, 100);
  await clock.advance(200);
  ticket.settle(STORED);
  ticket.abandon('BC_PUBLISH_ABORTED', 'Too late.');
  expect(ends).toMatchObject([{ outcome: { status: 'failed' } }]);
});

test('ten thousand tickets share one timer, and none is left when all are settled', async () => {
  const { clock, book, issue } = createTickets();
  const tickets = Array.from({ length: 10_000 }, (_, index) => issue(index, 1_000 + index));
  expect(clock.pendingTimers).toBe(1);
  for (const ticket of tickets) ticket.settle(STORED);
  expect(book.size).toBe(0);
  await clock.advance(50);
  expect(clock.pendingTimers).toBe(0);
});

test('deadlines need not be in order of arrival', async () => {
  const { clock, ends, issue } = createTickets();
  issue(0, 10_000);
  issue(1, 100);
  issue(2, 5_000);
  await clock.advance(200);
  expect(ends.map(({ index }) => index)).toEqual([1]);
});

test('settling in any order leaves exactly the unsettled tickets in the book', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { maxLength: 80 }), (picks) => {
      const { book, ends, issue } = createTickets();
      const tickets = Array.from({ length: 20 }, (_, index) => issue(index, 1_000));
      const settled = new Set<number>();
      for (const pick of picks) {
        const index = pick % tickets.length;
        tickets[index]?.settle(STORED);
        settled.add(index);
      }
      expect(book.size).toBe(20 - settled.size);
      book.abandonAll('BC_LIFECYCLE', 'The end.');
      expect([...ends].map(({ index }) => index).sort((a, b) => a - b)).toEqual(
        tickets.map((_, index) => index),
      );
      expect(book.size).toBe(0);
    }),
  );
});

test('waiting for the empty book ends when it is empty, or when its time is over', async () => {
  const { clock, book, issue } = createTickets();
  await book.untilEmpty(1_000);
  const ticket = issue(0, 100_000);
  let ends = 0;
  const count = (): void => {
    ends += 1;
  };
  void book.untilEmpty(1_000).then(count);
  void book.untilEmpty(5_000).then(count);
  await clock.advance(1_000);
  expect(ends).toBe(1);
  ticket.settle(STORED);
  await clock.advance(0);
  expect(ends).toBe(2);
});

test('giving everything up counts publishes that a caller waits for, not their tickets', () => {
  const clock = createFakeClock();
  const book = new TicketBook(clock);
  const awaited: TicketOwner = { isAwaited: true, ticketSettled: () => undefined };
  const background: TicketOwner = { ticketSettled: () => undefined };
  for (const owner of [awaited, awaited, background]) book.add(new Ticket(message, 1_000, owner));
  expect(book.abandonAll('BC_LIFECYCLE', 'The end.')).toBe(1);
});
