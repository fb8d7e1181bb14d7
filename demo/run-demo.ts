import { setTimeout as pause } from 'node:timers/promises';
import { createBus, createLogger, type MessageBus, memoryInbox } from '../src/index.js';
import { credits, defineCreditsProcess } from './credits.js';
import { loadDemoConfig } from './demo-config.js';
import { defineUsageLog, defineUsageReport, featureUsage, foreignUsage } from './feature-usage.js';
import { createFlagFile, type FlagFile } from './flag-file.js';
import { createJournal, type Journal } from './journal.js';
import { type Move, runMoves } from './moves.js';
import { paintFor } from './paint.js';
import { showProgress } from './progress.js';
import { createScreen } from './screen.js';
import { showVerdict } from './show-verdict.js';
import { runTraffic } from './traffic.js';
import { judge, type Verdict } from './verdict.js';

const EVENTS_PER_SECOND = 400;
/** Traffic before each move and after the last one, ms. */
const CALM_MS = 1_200;
/** What has not ended after so long without any other message ending is lost, ms: longer than a group needs to settle. */
const SILENCE_MS = 45_000;
/** Time in which a second copy would still show up, ms. */
const AFTERMATH_MS = 400;

const CONSUMERS = {
  'demo-usage-log': featureUsage.name,
  'demo-usage-report': featureUsage.name,
  'demo-credits-process': credits.name,
} as const;

const MOVES: readonly Move[] = [
  { consumer: 'demo-usage-log', to: 'kafka' },
  { consumer: 'demo-credits-process', to: 'kafka' },
  { consumer: 'demo-usage-report', to: 'kafka' },
  { consumer: 'demo-credits-process', to: 'rabbitmq' },
];

/** How to run the demo. */
export interface RunOptions {
  readonly isReal: boolean;
  readonly stream: NodeJS.WriteStream;
  /** Ends the run early; it rejects with the reason. */
  readonly signal: AbortSignal;
}

/** Runs the demo, shows it and returns its verdict. Leaves nothing behind but, with real brokers, its topics and queues. */
export async function runDemo(options: RunOptions): Promise<Verdict> {
  const flagFile = await createFlagFile({
    'demo-usage-log': 'rabbitmq',
    'demo-usage-report': 'rabbitmq',
    'demo-credits-process': 'rabbitmq',
  });
  try {
    return await runWith(flagFile, options);
  } finally {
    await flagFile.remove();
  }
}

async function runWith(flagFile: FlagFile, options: RunOptions): Promise<Verdict> {
  const journal = createJournal(CONSUMERS);
  const screen = createScreen(options.stream);
  const paint = paintFor(options.stream);
  const bus = await createBus({
    config: await loadDemoConfig(options.isReal, flagFile.path),
    topics: [featureUsage, foreignUsage, credits],
    consumers: [defineUsageLog(journal), defineUsageReport(journal), defineCreditsProcess(journal)],
    inbox: memoryInbox(),
    logger: createLogger({ level: 'silent' }),
  });
  bus.on('dead-lettered', ({ consumer, id }) => journal.deadLettered(consumer, id));
  screen.say(
    `${paint('bold', 'Buscoupler')}: ${EVENTS_PER_SECOND} events a second to ${options.isReal ? 'your' : 'two embedded'} brokers, kafka and rabbitmq.`,
  );
  screen.say(`Consumers start on rabbitmq and move when their flag in ${flagFile.path} changes.\n`);
  const hide = showProgress({ bus, journal, screen, paint });
  // An interrupt ends the wait for brokers that are away, too.
  options.signal.addEventListener('abort', () => void bus.close(), { once: true });
  try {
    await bus.start();
    await runPlan({ bus, journal, flagFile }, options.signal);
  } finally {
    hide();
    await bus.close();
  }
  const verdict = judge(journal);
  for (const line of showVerdict(verdict, MOVES.length, paint)) screen.say(line);
  return verdict;
}

interface Plan {
  readonly bus: MessageBus;
  readonly journal: Journal;
  readonly flagFile: FlagFile;
}

/** Traffic flows while the consumers move; then every message has time to end. */
async function runPlan({ bus, journal, flagFile }: Plan, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const run = `demo-${Date.now().toString(36)}`;
  const traffic = runTraffic({ bus, journal, perSecond: EVENTS_PER_SECOND, run }, over.signal);
  try {
    await runMoves(MOVES, { bus, flagFile, calmMs: CALM_MS, signal });
    await pause(CALM_MS, undefined, { signal });
  } finally {
    over.abort();
    await traffic;
  }
  await untilEnded(journal, signal);
  await pause(AFTERMATH_MS, undefined, { signal });
}

/** Resolves when every stored message has ended, or when none has for a long time. */
async function untilEnded(journal: Journal, signal: AbortSignal): Promise<void> {
  let open = journal.open();
  for (let sinceMs = performance.now(); open > 0 && performance.now() - sinceMs < SILENCE_MS; ) {
    await pause(20, undefined, { signal });
    const now = journal.open();
    if (now < open) sinceMs = performance.now();
    open = now;
  }
}
