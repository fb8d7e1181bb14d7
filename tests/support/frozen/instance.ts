import type mongoose from 'mongoose';
import type { BrokerPort, Delivery } from '../../../src/contract/broker.js';
import type { Clock } from '../../../src/contract/clock.js';
import type { Inbox } from '../../../src/contract/inbox.js';
import { copyOf } from '../../../src/delivery/inbox-copy.js';
import { systemClock } from '../../../src/delivery/system-clock.js';
import { MongoInbox } from '../../../src/inbox/mongo/mongo-inbox.js';
import {
  type BrokerName,
  createBus,
  createLogger,
  defineConsumer,
  defineTopic,
  loadConfig,
  type MessageBus,
} from '../../../src/index.js';
import type { BrokerParts } from '../../../src/open-port.js';
import {
  createLogBroker,
  createLogStore,
  createQueueBroker,
  createQueueStore,
  createRecorder,
  type HistoryRecorder,
} from '../../../src/testing/index.js';
import { overlay } from '../killable/overlay.js';
import { fateOf } from '../killable/plan.js';
import { createStopper, stopsAtBroker, tellsCommits } from '../killable/points.js';
import { type Freeze, freezesAtBroker, freezesAtInbox } from './freeze.js';

/** The topic of all instances. */
const topicOn = (broker: BrokerName) =>
  defineTopic<{ n: number }>({ name: 'orders', brokers: [broker], key: () => KEY });

/** Of a partition that the first member of a group loses when a second one joins. */
const KEY = 'd';

export const CONSUMER = 'billing';
export const GROUP = 'billing-group';
/** How long a claim must have stood still, ms. */
export const LEASE_MS = 30_000;

/** What all instances are clients of. */
export interface FrozenBroker {
  readonly broker: BrokerName;
  readonly topic: ReturnType<typeof topicOn>;
  connect(parts: BrokerParts): BrokerPort;
  /** Messages that wait, retry copies among them. */
  depth(): number;
  letters(): number;
}

const RETRY = `${GROUP}_retry_50ms`;

export function embeddedQueues(): FrozenBroker {
  const store = createQueueStore({ clock: systemClock });
  return {
    broker: 'rabbitmq',
    topic: topicOn('rabbitmq'),
    connect: (parts) => createQueueBroker({ ...parts, store }),
    depth: () => store.depth(GROUP) + store.depth(RETRY),
    letters: () => store.depth(`${GROUP}_dlq`),
  };
}

export function embeddedLog(): FrozenBroker {
  const store = createLogStore({ clock: systemClock });
  return {
    broker: 'kafka',
    topic: topicOn('kafka'),
    connect: (parts) => createLogBroker({ ...parts, store }),
    depth: () => store.lag(GROUP, 'orders') + store.lag(GROUP, RETRY),
    letters: () => store.read('orders_dlt').length,
  };
}

/** What the instances of one test share. */
export interface Fleet {
  readonly place: FrozenBroker;
  readonly connection: mongoose.Connection;
  readonly history: HistoryRecorder;
  readonly transaction: boolean;
}

/** How one instance differs from the others. */
export interface InstanceOptions {
  /** It is held at this step, and renews nothing. */
  readonly freeze?: Freeze;
  /** What its handler does with a message; default: what its id says. */
  readonly fate?: 'good' | 'bad';
}

/** One instance of the service. */
export interface Instance {
  readonly bus: MessageBus;
  /** Each claim that met somebody else's, and each copy that it let go of, in their order. */
  readonly told: ReturnType<typeof createRecorder<'busy' | 'settled'>>;
  /** Lets monotonic time pass. */
  pass(ms: number): void;
}

/** Starts an instance on the shared queue and the shared inbox. */
export async function openInstance(fleet: Fleet, options: InstanceOptions = {}): Promise<Instance> {
  const { history, place } = fleet;
  const { broker } = place;
  const { freeze } = options;
  const told = createRecorder<'busy' | 'settled'>('words');
  const time = createHandClock({ isFrozen: freeze !== undefined });
  const onSettle = settling(fleet, told);
  const bus = await createBus({
    config: await loadConfig({ EMBEDDED: 'true', CONSUMER_BILLING_BROKER: broker }, { file: false }),
    consumers: [consumerOf(fleet, options)],
    inbox: openInbox(fleet, { freeze, clock: time.clock, onBusy: () => told.add('busy') }),
    logger: createLogger({ level: 'silent' }),
    clock: freeze === undefined ? systemClock : createPausedClock(freeze),
    brokers: {
      [broker]: (parts: BrokerParts): BrokerPort => {
        const port = stopsAtBroker(place.connect(parts), STOPS_NOWHERE, onSettle);
        return freeze === undefined ? port : freezesAtBroker(port, freeze);
      },
    },
  });
  bus.on('retry-stored', ({ consumer, id, attempt }) =>
    history.add({ type: 'retry', consumer, id, attempt }),
  );
  bus.on('dead-lettered', ({ consumer, id, reason }) =>
    history.add({ type: 'dead-letter', consumer, id, reason }),
  );
  await bus.start();
  return { bus, told, pass: time.pass };
}

const STOPS_NOWHERE = createStopper(undefined, () => undefined);

const settling =
  ({ history }: Fleet, told: Instance['told']) =>
  ({ message }: Delivery): void => {
    const { id, attempt } = copyOf(message, message.id ?? '');
    history.add({ type: 'settled', consumer: CONSUMER, id, attempt });
    told.add('settled');
  };

function consumerOf({ connection, history, place, transaction }: Fleet, { freeze, fate }: InstanceOptions) {
  return defineConsumer<{ n: number }>({
    name: CONSUMER,
    topic: place.topic,
    group: GROUP,
    retry: { inline: { attempts: 1 }, deferred: [50] },
    inbox: { transaction },
    timeoutMs: 2_900,
    handle: async ({ id }, { attempt, broker, session, deadLetter }) => {
      history.add({ type: 'delivered', consumer: CONSUMER, id, attempt, broker });
      const now = fate ?? fateOf(id);
      if (now === 'bad') return deadLetter('it is bad');
      if (now === 'late' && attempt === 1) throw new Error('not yet');
      await freeze?.pass('before the effect');
      await connection.collection('effects').insertOne({ messageId: id }, session ? { session } : {});
      if (session === undefined) history.add({ type: 'effect', consumer: CONSUMER, id });
      return undefined;
    },
  });
}

function openInbox(
  { connection, history }: Fleet,
  { freeze, clock, onBusy }: { freeze: Freeze | undefined; clock: Clock; onBusy: () => void },
): Inbox {
  const store = new MongoInbox(connection, { lease: LEASE_MS }, { clock });
  const telling = tellsCommits(store, ({ id }) => history.add({ type: 'effect', consumer: CONSUMER, id }));
  const inbox = freeze === undefined ? telling : freezesAtInbox(telling, freeze);
  return overlay(inbox, {
    async claim(...asked) {
      const outcomes = await inbox.claim(...asked);
      if (outcomes.includes('busy')) onBusy();
      return outcomes;
    },
  });
}

/** A clock whose monotonic time a test turns; a frozen one's timers never fire, as those of a process that stands still. */
function createHandClock({ isFrozen }: { isFrozen: boolean }) {
  let aheadMs = 0;
  const clock: Clock = {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
    schedule: (...asked) => (isFrozen ? { cancel: () => undefined } : systemClock.schedule(...asked)),
  };
  return {
    clock,
    pass(ms: number): void {
      aheadMs += ms;
    },
  };
}

/** Timers that fall due while the owner stands still go on after it woke: for it, no time passed. */
const createPausedClock = (freeze: Freeze): Clock => ({
  ...systemClock,
  schedule(callback, delayMs, options) {
    let isCancelled = false;
    const goOn = (): void => {
      if (!isCancelled) timer = systemClock.schedule(callback, LEFT_MS, options);
    };
    let timer = systemClock.schedule(
      () => (freeze.isStanding ? void freeze.woken.then(goOn) : callback()),
      delayMs,
      options,
    );
    return {
      cancel() {
        isCancelled = true;
        timer.cancel();
      },
    };
  },
});

/** What is left of a timer that fell due meanwhile, ms. */
const LEFT_MS = 1_000;
