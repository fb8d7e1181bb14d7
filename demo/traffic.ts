import { setTimeout as pause } from 'node:timers/promises';
import type { MessageBus, Receipt } from '../src/index.js';
import { credits, publishCredits, publishCreditsOfNobody } from './credits.js';
import { featureUsage, publishBrokenUsage, publishUsage } from './feature-usage.js';
import type { Journal } from './journal.js';

/** One kind of event that a module publishes. */
interface Kind {
  readonly topic: string;
  readonly isDoomed: boolean;
  readonly publish: (bus: MessageBus, number: number, id: string) => Promise<Receipt>;
}

const USAGE: Kind = { topic: featureUsage.name, isDoomed: false, publish: publishUsage };
const BROKEN_USAGE: Kind = { topic: featureUsage.name, isDoomed: true, publish: publishBrokenUsage };
const CREDITS: Kind = { topic: credits.name, isDoomed: false, publish: publishCredits };
const CREDITS_OF_NOBODY: Kind = { topic: credits.name, isDoomed: true, publish: publishCreditsOfNobody };

/** Two usages, then credits; now and then something that nobody can handle. */
function kindOf(number: number): Kind {
  if (number % 150 === 75) return BROKEN_USAGE;
  if (number % 150 === 149) return CREDITS_OF_NOBODY;
  return number % 3 === 2 ? CREDITS : USAGE;
}

/** Pause between two looks at the clock, ms. */
const TICK_MS = 10;

/** What {@link runTraffic} works with. */
export interface TrafficContext {
  readonly bus: MessageBus;
  readonly journal: Journal;
  readonly perSecond: number;
  /** Begins every message id, so that what an earlier run left on real brokers is told apart. */
  readonly run: string;
}

/** Publishes events at an even rate until the signal, then waits until every publish is answered. */
export async function runTraffic(context: TrafficContext, signal: AbortSignal): Promise<void> {
  const answers = new Set<Promise<void>>();
  const startedMs = performance.now();
  for (let number = 0; !signal.aborted; ) {
    const due = ((performance.now() - startedMs) * context.perSecond) / 1_000;
    for (; number < due; number += 1) {
      const answer = publishOne(context, number).finally(() => answers.delete(answer));
      answers.add(answer);
    }
    await pause(TICK_MS);
  }
  await Promise.all(answers);
}

async function publishOne({ bus, journal, run }: TrafficContext, number: number): Promise<void> {
  const { topic, isDoomed, publish } = kindOf(number);
  const id = `${run}-${number}`;
  journal.publishing(id, { topic, isDoomed });
  try {
    const { brokers } = await publish(bus, number, id);
    journal.stored(
      id,
      (['kafka', 'rabbitmq'] as const).filter((name) => brokers[name] === 'stored'),
    );
  } catch {
    journal.rejected(id);
  }
}
