import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Fault } from '../../../../src/adapters/memory/faults.js';
import type { Delivery } from '../../../../src/contract/broker.js';
import {
  type Attached,
  attach,
  type Client,
  consumerOf,
  logWorld,
  type Published,
  publishing,
  queueWorld,
  topicOf,
} from './harness.js';

/** What can happen. `at` chooses a client, a delivery, a key: modulo how many there are. */
interface Step {
  readonly act:
    | 'publish'
    | 'settle'
    | 'settle-some'
    | 'attach'
    | 'detach'
    | 'drop'
    | 'rebalance'
    | 'pause'
    | 'resume'
    | 'refuse'
    | 'lose-reply'
    | 'hold-reply'
    | 'delay'
    | 'down'
    | 'up'
    | 'block'
    | 'unblock'
    | 'give-up'
    | 'wait';
  readonly at: number;
}

const often = ['publish', 'publish', 'publish', 'settle', 'settle-some', 'attach', 'wait', 'wait'] as const;
const seldom = [
  'detach',
  'drop',
  'rebalance',
  'pause',
  'resume',
  'refuse',
  'lose-reply',
  'hold-reply',
  'delay',
  'down',
  'up',
  'block',
  'unblock',
  'give-up',
] as const;

const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom(...often, ...often, ...seldom),
  at: fc.nat({ max: 1_000 }),
});

const topic = topicOf({ kafka: { partitions: 3 } });
const consumer = consumerOf({ topic, rabbitmq: { deliveryLimit: 1_000_000 } });
const KEYS = ['a', 'b', 'c', 'd'];

/** A world under test: three clients, what they published, and what was delivered and settled. */
class History {
  readonly world: ReturnType<typeof logWorld> | ReturnType<typeof queueWorld>;
  readonly clients: (Client & { readonly send: ReturnType<typeof publishing>['send'] })[] = [];
  readonly legs: (Attached | null)[] = [null, null, null];
  readonly published: Published[] = [];
  readonly faults: Fault[] = [];
  readonly delivered: Delivery[] = [];
  /** Ids of deliveries that were settled while they could be. */
  readonly settled = new Set<string>();
  readonly settledOffsets = new Set<string>();

  constructor(world: ReturnType<typeof logWorld> | ReturnType<typeof queueWorld>) {
    this.world = world;
  }

  async open(): Promise<void> {
    for (const clientId of ['one', 'two', 'three']) {
      const client = await this.world.client({ clientId });
      this.clients.push({ ...client, send: publishing(client.broker, topic).send });
    }
    await this.clients[0]?.broker.provision({ topics: [topic], consumers: [consumer] });
  }

  settle(delivery: Delivery): void {
    if (!delivery.source.isLost) {
      this.settled.add(delivery.message.id as string);
      const { position } = delivery.message;
      if (position.broker === 'kafka') this.settledOffsets.add(`${position.partition}:${position.offset}`);
    }
    delivery.settle();
  }

  async attach(index: number): Promise<void> {
    const client = this.clients[index] as Client;
    if (this.legs[index] !== null || client.broker.health().state === 'down') return;
    this.legs[index] = await attach(client.broker, {
      consumer,
      capacity: 4,
      onDelivery: (delivery) => this.delivered.push(delivery),
    });
  }

  async detach(index: number): Promise<void> {
    await this.legs[index]?.leg.detach({ deadlineMs: 0 });
    this.legs[index] = null;
  }

  publish(at: number): void {
    const index = at % this.clients.length;
    const client = this.clients[index] as (typeof this.clients)[number];
    // A key belongs to one publisher: between two of them there is no order to keep.
    const key = `${index}-${KEYS[at % KEYS.length]}`;
    this.published.push(client.send(`m${this.published.length}`, { key }));
  }

  async act({ act, at }: Step): Promise<void> {
    const { store, clock } = this.world;
    const index = at % 3;
    const leg = this.legs[index]?.leg;
    const open = this.delivered.filter((one) => !one.source.isLost);
    switch (act) {
      case 'publish':
        return this.publish(at);
      case 'settle': {
        const delivery = this.delivered[at % Math.max(1, this.delivered.length)];
        if (delivery !== undefined) this.settle(delivery);
        return;
      }
      case 'settle-some':
        for (const delivery of open.slice(0, at % 7)) this.settle(delivery);
        return;
      case 'attach':
        return this.attach(index);
      case 'detach':
        return this.detach(index);
      case 'drop':
        store.faults.dropConnections(['one', 'two', 'three', undefined][at % 4]);
        return;
      case 'rebalance':
        if ('group' in store) store.group(consumer.group).rebalance();
        return;
      case 'pause':
        return leg?.pause();
      case 'resume':
        return leg?.resume();
      case 'refuse':
        this.faults.push(store.faults.refuse({ count: 1 + (at % 3) }));
        return;
      case 'lose-reply':
        this.faults.push(store.faults.loseReplies({ count: 1 + (at % 3) }));
        return;
      case 'hold-reply': {
        const held = store.faults.holdReplies({ count: 1 + (at % 3) });
        clock.schedule(() => held.release(), at);
        return;
      }
      case 'delay':
        this.faults.push(store.faults.delay({ delayMs: at, count: 1 + (at % 3) }));
        return;
      case 'down':
        store.faults.goDown();
        return;
      case 'up':
        return store.faults.comeUp();
      case 'block':
        return store.faults.block();
      case 'unblock':
        return store.faults.unblock();
      case 'give-up':
        this.published[at % Math.max(1, this.published.length)]?.ticket.abandon('BC_PUBLISH_ABORTED', 'No.');
        return;
      case 'wait':
        return clock.advance(at % 400);
    }
  }

  /** Everything works again, everyone reads, everything is settled. */
  async heal(): Promise<void> {
    const { store, clock } = this.world;
    for (const fault of this.faults) fault.remove();
    store.faults.comeUp();
    store.faults.unblock();
    await clock.advance(20_000);
    // What lost its reply waits for its deadline, or for a new connection: then it is sent again.
    store.faults.dropConnections();
    await clock.advance(20_000);
    for (const index of [0, 1, 2]) await this.attach(index);
    for (const one of this.legs) one?.leg.resume();
    for (let rounds = 0; rounds < 1_000 && (await this.#isBusy()); rounds += 1) {
      for (const delivery of this.delivered) if (!delivery.source.isLost) this.settle(delivery);
      await clock.advance(10);
    }
  }

  /** Something is published and unanswered, or stored and unsettled. */
  async #isBusy(): Promise<boolean> {
    const depth = await this.clients[0]?.broker.depth(consumer);
    const isUnsettled = this.legs.some((one) => one?.leg.status().unsettled !== 0);
    return (
      depth !== 0 || isUnsettled || this.clients.some(({ broker }) => broker.health().pendingPublishes > 0)
    );
  }

  /** Nothing is committed past a delivery that was not settled. */
  checkNoHole(): void {
    const { store } = this.world;
    if (!('committed' in store)) return;
    for (const [partition, next] of store.committed(consumer.group, 'orders').entries()) {
      for (let offset = 0; offset < (next ?? 0); offset += 1) {
        if (!this.settledOffsets.has(`${partition}:${offset}`)) {
          throw new Error(`committed ${next} past ${partition}:${offset}`);
        }
      }
    }
  }

  /** What was acknowledged as stored and not settled is still there. */
  checkNothingLost(): void {
    const { store } = this.world;
    const held = new Set(store.read('committed' in store ? 'orders' : consumer.group).map((one) => one.id));
    for (const { ticket } of this.storedOnes()) {
      const { id } = ticket.message;
      if (!held.has(id) && !this.settled.has(id)) throw new Error(`lost ${id}`);
    }
  }

  storedOnes(): readonly Published[] {
    return this.published.filter((one) => one.outcome?.status === 'stored');
  }
}

/** First deliveries of each key, in the order in which they came. */
function firstDeliveries(delivered: readonly Delivery[]): Map<string, number[]> {
  const seen = new Set<string>();
  const order = new Map<string, number[]>();
  for (const { message } of delivered) {
    if (seen.has(message.id as string)) continue;
    seen.add(message.id as string);
    const ofKey = order.get(message.key as string) ?? [];
    ofKey.push(Number((message.id as string).slice(1)));
    order.set(message.key as string, ofKey);
  }
  return order;
}

describe.each([
  ['log', logWorld],
  ['queue', queueWorld],
] as const)('any history of the embedded %s', (_, createWorld) => {
  it('loses nothing, invents nothing, keeps the order of each key and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 60 }), async (steps) => {
        const history = new History(createWorld());
        await history.open();
        for (const step of steps) {
          await history.act(step);
          history.checkNoHole();
          history.checkNothingLost();
        }
        await history.heal();
        history.checkNoHole();
        const outcomes = new Map(
          history.published.map((one) => [one.ticket.message.id, one.outcome?.status]),
        );
        expect([...outcomes].filter(([, status]) => status === undefined)).toEqual([]);
        const handled = history.delivered.map((one) => one.message.id as string);
        expect(handled.filter((id) => !outcomes.has(id) || outcomes.get(id) === 'failed')).toEqual([]);
        const unhandled = history.storedOnes().filter((one) => !history.settled.has(one.ticket.message.id));
        expect(unhandled.map((one) => one.ticket.message.id)).toEqual([]);
        for (const order of firstDeliveries(history.delivered).values()) {
          expect(order).toEqual([...order].sort((a, b) => a - b));
        }
        expect(await history.clients[0]?.broker.depth(consumer)).toBe(0);
        for (const one of history.legs)
          expect(one?.leg.status()).toEqual({ state: 'live', unsettled: 0, waiting: 0 });
      }),
      { numRuns: 150 },
    );
  });
});
