import type { MessageBus } from '../src/index.js';
import type { ConsumerRecord, Journal } from './journal.js';
import type { Paint } from './paint.js';
import type { Screen } from './screen.js';

/** What {@link showProgress} works with. */
export interface ProgressContext {
  readonly bus: MessageBus;
  readonly journal: Journal;
  readonly screen: Screen;
  readonly paint: Paint;
}

/** Pause between two looks, ms: smooth on a terminal, sparse in a log. */
const LIVE_PAUSE_MS = 100;
const PLAIN_PAUSE_MS = 3_000;

/** Shows what goes on until the returned function is called: a line per move, and the counts. */
export function showProgress(context: ProgressContext): () => void {
  const { bus, screen, paint } = context;
  const startedMs = performance.now();
  const seconds = (): string => `${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(5)} s`;
  const say = (text: string): void => screen.say(`${paint('dim', seconds())}  ${text}`);
  const stops = [
    bus.on('consumer-moved', ({ consumer, from, to, tookMs }) =>
      say(
        `${paint('cyan', 'moved')}  ${consumer}: ${from} → ${to}, in ${tookMs < 1 ? '<1' : Math.round(tookMs)} ms`,
      ),
    ),
    bus.on('consumer-move-refused', ({ consumer, error }) =>
      say(`${paint('red', 'stays')}  ${consumer}: ${error.message}`),
    ),
    bus.on('broker-lost', ({ broker, error }) =>
      say(`${paint('yellow', 'lost')}   ${broker}: ${error.message}`),
    ),
    bus.on('broker-recovered', ({ broker }) => say(`${paint('green', 'back')}   ${broker}`)),
    bus.on('warning', ({ what }) => say(`${paint('yellow', 'note')}   ${what}`)),
  ];
  const look = (): void => {
    if (screen.isLive) screen.draw(showBlock(context, seconds()));
    else say(showLine(context));
  };
  const timer = setInterval(look, screen.isLive ? LIVE_PAUSE_MS : PLAIN_PAUSE_MS);
  return () => {
    clearInterval(timer);
    for (const stop of stops) stop();
    screen.clear();
  };
}

const grouped = (count: number): string => count.toLocaleString('en-US');

function showLine({ bus, journal }: ProgressContext): string {
  const { consumers, state } = bus.health();
  if (state !== 'started') return 'waiting for the brokers';
  const parts = journal.consumers.map(
    ({ name, handled }) => `${name} ${grouped(handled.size)} (${consumers[name]?.broker})`,
  );
  return `published ${grouped(journal.messages.size)}; handled ${parts.join(', ')}`;
}

function showBlock({ bus, journal, paint }: ProgressContext, seconds: string): string[] {
  const { consumers, publishes } = bus.health();
  const row = ({ name, handled, deadLettered }: ConsumerRecord): string => {
    const { state = 'idle', broker = '' } = consumers[name] ?? {};
    const feed = `${broker}${state === 'live' ? '' : ` (${state})`}`.padEnd(20);
    const counts = `${grouped(handled.size).padStart(9)}${grouped(deadLettered.size).padStart(16)}`;
    return `  ${name.padEnd(22)}${paint(broker === 'kafka' ? 'cyan' : 'yellow', feed)}${counts}`;
  };
  return [
    '',
    `  ${seconds.trim()}   published ${grouped(journal.messages.size)}, ${publishes.pending} waiting for an answer`,
    '',
    paint(
      'dim',
      `  ${'consumer'.padEnd(22)}${'fed by'.padEnd(20)}${'handled'.padStart(9)}${'dead-lettered'.padStart(16)}`,
    ),
    ...journal.consumers.map(row),
  ];
}
