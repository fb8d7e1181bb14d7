import { type BrokerName, defineConsumer, type MessageBus } from '../../src/index.js';
import { type Usage, usageOf, usageTopic } from '../messages.js';
import { uniqueName } from '../names.js';
import type { BenchServers } from '../row.js';
import { judgeMemory, type MemoryVerdict, sampleMemory } from './memory-verdict.js';
import { openSoakBus } from './soak-bus.js';

/** One run. */
export interface SoakOptions {
  readonly broker: BrokerName;
  /** `null`: embedded brokers. */
  readonly servers: BenchServers | null;
  /** Messages. */
  readonly count: number;
}

/** What a run did. */
export interface SoakResult extends MemoryVerdict {
  readonly broker: BrokerName;
  readonly handled: number;
  /** Messages that failed first and came back. */
  readonly retried: number;
  readonly perSecond: number;
}

const CALLERS = 500;
const DELAY_MS = 20;
/** The first part warms up: code is compiled, buffers and the heap grow to their size. */
const WARM_UP_SHARE = 0.4;
const WARM_UP_MAX = 250_000;
/** Messages that are sent before it is waited for them to be handled. */
const STEP = 4_000;

/** Every fourth message fails first, spread so that neither a partition nor a row of neighbours fails as a whole. */
const failsFirst = (sequence: number): boolean => Math.imul(sequence, 0x9e3779b1) >>> 30 === 0;

/** Counts what was handled, and tells when it is so much. */
function createCounter() {
  let retried = 0;
  let handled = 0;
  let waiter: { at: number; resolve: () => void } | null = null;
  return {
    retry(): void {
      retried += 1;
    },
    handle(): void {
      handled += 1;
      if (waiter !== null && handled >= waiter.at) waiter.resolve();
    },
    reached: (at: number): Promise<void> =>
      new Promise((resolve) => {
        waiter = { at, resolve };
        if (handled >= at) resolve();
      }),
    read: () => ({ handled, retried }),
  };
}

/** Sends messages through inbox and retry and looks how much memory that leaves behind. */
export async function runSoak({ broker, servers, count }: SoakOptions): Promise<SoakResult> {
  const counter = createCounter();
  const topic = { ...usageTopic(uniqueName('soak')), brokers: [broker] };
  const consumer = defineConsumer<Usage>({
    name: 'soak',
    topic,
    group: `${topic.name}_group`,
    concurrency: 100,
    ordering: 'none',
    retry: { inline: { attempts: 1 }, deferred: [DELAY_MS] },
    handle: async ({ data }, { attempt }) => {
      if (attempt > 1) counter.retry();
      else if (failsFirst(data.sequence)) throw new Error('The first time it fails.');
      counter.handle();
    },
  });
  const { bus, close } = await openSoakBus({ broker, servers, consumer });
  // The timers of embedded brokers keep no process alive.
  const alive = setInterval(() => undefined, 60_000);
  const warmUp = Math.min(Math.floor(count * WARM_UP_SHARE), WARM_UP_MAX);
  /** In steps, so that what waits in the broker is no more at the end than at the beginning. */
  const pass = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to; at += STEP) {
      const upTo = Math.min(to, at + STEP);
      await sendRange(at, upTo, (usage) => bus.publish(topic, usage));
      await counter.reached(upTo);
    }
  };
  try {
    await pass(0, warmUp);
    const warm = sampleMemory();
    const startedMs = performance.now();
    await pass(warmUp, count);
    const perSecond = ((count - warmUp) * 1_000) / (performance.now() - startedMs);
    return { broker, ...counter.read(), perSecond, ...judgeMemory(warm, sampleMemory()) };
  } finally {
    clearInterval(alive);
    await close();
  }
}

type Send = (usage: Usage) => ReturnType<MessageBus['publish']>;

async function sendRange(from: number, to: number, send: Send): Promise<void> {
  let next = from;
  const caller = async (): Promise<void> => {
    while (next < to) await send(usageOf(next++));
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}
