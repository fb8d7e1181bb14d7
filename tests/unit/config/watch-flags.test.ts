import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../src/config/load-config.js';
import { type FlagChange, type SkipAddition, watchFlags } from '../../../src/config/watch-flags.js';
import type { Clock } from '../../../src/contract/clock.js';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'buscoupler-watch-'));
  file = join(folder, 'buscoupler.config.json');
});
afterEach(() => rm(folder, { recursive: true }));

/** One timer at a time, fired by hand; `look` resolves when the next one is scheduled, so when a look is over. */
function createHandClock() {
  const delays: number[] = [];
  let pending: (() => void) | undefined;
  let onScheduled: () => void = () => undefined;
  const clock: Clock = {
    monotonicMs: () => 0,
    epochMs: () => 0,
    schedule(callback, delayMs) {
      delays.push(delayMs);
      pending = callback;
      onScheduled();
      return { cancel: () => (pending = undefined) };
    },
  };
  const look = () =>
    new Promise<void>((resolve) => {
      onScheduled = resolve;
      pending?.();
    });
  return { clock, look, delays, isPending: () => pending !== undefined };
}

async function watch(text: string, env: Record<string, string> = {}) {
  await writeFile(file, text);
  const config = await loadConfig({ EMBEDDED: 'true', ...env }, { cwd: folder });
  const changes: (readonly FlagChange[])[] = [];
  const skips: (readonly SkipAddition[])[] = [];
  const problems: string[] = [];
  const hand = createHandClock();
  const stop = watchFlags(config, {
    clock: hand.clock,
    onChange: (some) => changes.push(some),
    onSkips: (some) => skips.push(some),
    onProblem: (what) => problems.push(what),
  });
  return { ...hand, stop, changes, skips, problems };
}

const flags = (brokers: Record<string, string>): string =>
  JSON.stringify({
    consumers: Object.fromEntries(Object.entries(brokers).map(([name, broker]) => [name, { broker }])),
  });

const skipping = (skips: Record<string, readonly string[]>): string =>
  JSON.stringify({
    consumers: Object.fromEntries(Object.entries(skips).map(([name, skip]) => [name, { kafka: { skip } }])),
  });

describe('watchFlags', () => {
  it('tells about positions to skip that were added, not about those that stay or go', async () => {
    const { look, skips, changes } = await watch(skipping({ a: ['orders/0/7'], b: ['orders/1/1'] }));
    await look();
    expect(skips).toEqual([]);
    await writeFile(file, skipping({ a: ['orders/0/7', 'orders/2/9'], c: ['orders/0/7'] }));
    await look();
    await look();
    expect(skips).toEqual([
      [
        { consumer: 'a', position: 'orders/2/9' },
        { consumer: 'c', position: 'orders/0/7' },
      ],
    ]);
    expect(changes).toEqual([]);
  });

  it('ignores a file with positions that are none, naming each', async () => {
    const { look, skips, problems } = await watch(skipping({}));
    await writeFile(file, skipping({ a: ['orders/0/7', 'orders/x/7', 'orders'] }));
    await look();
    expect(skips).toEqual([]);
    expect(problems).toEqual([expect.stringContaining('consumers.a.kafka.skip is "orders/x/7"')]);
    expect(problems[0]).toContain('consumers.a.kafka.skip is "orders"');
  });

  it('tells about changed, new and removed flags, all of one look together', async () => {
    const { look, changes, delays } = await watch(flags({ a: 'rabbitmq', b: 'kafka', c: 'kafka' }));
    await look();
    expect(changes).toEqual([]);
    await writeFile(file, flags({ a: 'kafka', c: 'kafka', d: 'kafka' }));
    await look();
    await look();
    expect(changes).toEqual([
      [
        { consumer: 'a', broker: 'kafka' },
        { consumer: 'b', broker: null },
        { consumer: 'd', broker: 'kafka' },
      ],
    ]);
    expect(new Set(delays)).toEqual(new Set([1_000]));
  });

  it('sees a file that was replaced as a whole', async () => {
    const { look, changes } = await watch(flags({ a: 'rabbitmq' }));
    await writeFile(join(folder, 'next'), flags({ a: 'kafka' }));
    await rename(join(folder, 'next'), file);
    await look();
    expect(changes).toEqual([[{ consumer: 'a', broker: 'kafka' }]]);
  });

  it.each([
    ['half written', '{"consumers":{"a":{"bro', 'it is no valid JSON'],
    ['empty', '', 'it is no valid JSON'],
    ['no object', '[]', 'it holds no object'],
    ['a wrong broker', flags({ a: 'Kafka' }), 'consumers.a.broker is "Kafka"'],
    ['an unknown key', '{"consumers":{"a":{"brokr":"kafka"}}}', 'consumers.a.brokr is an unknown key'],
  ])('keeps the last good state while the file is %s, and says so once', async (_, text, why) => {
    const { look, changes, problems } = await watch(flags({ a: 'rabbitmq' }));
    await writeFile(file, text);
    await look();
    await writeFile(file, `${text} `);
    await look();
    await look();
    expect(problems).toEqual([expect.stringContaining(why)]);
    await writeFile(file, flags({ a: 'rabbitmq' }));
    await look();
    expect(changes).toEqual([]);
    await writeFile(file, flags({ a: 'kafka' }));
    await look();
    expect(changes).toEqual([[{ consumer: 'a', broker: 'kafka' }]]);
    expect(problems).toHaveLength(1);
  });

  it('keeps the last good state while the file is missing', async () => {
    const { look, changes, problems } = await watch(flags({ a: 'kafka' }));
    await rm(file);
    await look();
    await look();
    expect(problems).toEqual([expect.stringContaining('ENOENT')]);
    await writeFile(file, flags({ a: 'kafka' }));
    await look();
    expect(changes).toEqual([]);
  });

  it('lets the environment win, with a warning', async () => {
    const { look, changes, problems } = await watch(flags({ a: 'rabbitmq', b: 'rabbitmq' }), {
      CONSUMER_A_BROKER: 'rabbitmq',
    });
    await writeFile(file, flags({ a: 'kafka', b: 'kafka' }));
    await look();
    expect(changes).toEqual([[{ consumer: 'b', broker: 'kafka' }]]);
    expect(problems).toEqual([
      'The broker of consumer a changed in the file without effect: CONSUMER_A_BROKER holds it.',
    ]);
  });

  it('says nothing more after it was stopped, not even of a look that was under way', async () => {
    const { look, stop, changes, isPending } = await watch(flags({ a: 'rabbitmq' }));
    await writeFile(file, flags({ a: 'kafka' }));
    void look();
    stop();
    // The look began to read first; when these reads are over, so is its own.
    for (let reads = 0; reads < 5; reads++) await readFile(file);
    expect(changes).toEqual([]);
    expect(isPending()).toBe(false);
  });

  it('goes on after a listener threw', async () => {
    await writeFile(file, flags({ a: 'rabbitmq' }));
    const config = await loadConfig({ EMBEDDED: 'true' }, { cwd: folder });
    const problems: string[] = [];
    const { clock, look } = createHandClock();
    const onChange = () => {
      throw new Error('boom');
    };
    watchFlags(config, { clock, onChange, onProblem: (what) => problems.push(what) });
    await writeFile(file, flags({ a: 'kafka' }));
    await look();
    expect(problems).toEqual(['A changed flag was not applied: boom']);
  });

  it('watches nothing without a JSON file', async () => {
    const config = await loadConfig({ EMBEDDED: 'true' }, { file: false });
    const { clock, delays } = createHandClock();
    watchFlags(config, { clock, onChange: () => undefined, onProblem: () => undefined })();
    expect(delays).toEqual([]);
  });
});
