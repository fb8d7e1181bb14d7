import { defineConsumer, defineTopic, loadConfig, openDesk } from '../../../src/index.js';

/** What is looked through, as JSON in the variable `LETTERS_SPEC`. */
export interface LettersSpec {
  readonly env: Readonly<Record<string, string>>;
  readonly topic: string;
  readonly consumer: string;
  readonly group: string;
}

/** What the look-through told, and what it took. */
export interface LettersReport {
  readonly letters: number;
  readonly groups: number;
  readonly groupsMs: number;
  /** Letters that the pages hold together, and time of all of them. */
  readonly paged: number;
  readonly firstPageMs: number;
  readonly lastId: string | null;
  /** Most memory in use beyond that of the process before it opened the desk, MiB: objects, and bytes outside of them. */
  readonly peakMiB: number;
}

const MIB = 1024 * 1024;
const SAMPLE_MS = 20;

/** Objects that nobody needs any more count until they are collected. */
function usedBytes(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function read(): Promise<LettersReport> {
  const spec = JSON.parse(process.env.LETTERS_SPEC ?? '') as LettersSpec;
  const topic = defineTopic({ name: spec.topic });
  const consumer = defineConsumer({ name: spec.consumer, topic, group: spec.group, handle: () => undefined });
  const config = await loadConfig(spec.env, { file: false });
  const idleBytes = usedBytes();
  const desk = await openDesk({ config, topics: [topic], consumers: [consumer] });
  let peakBytes = idleBytes;
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, usedBytes());
  }, SAMPLE_MS);
  const beganMs = performance.now();
  const { letters, groups } = await desk.groups();
  const groupsMs = performance.now() - beganMs;
  const pagingMs = performance.now();
  const first = await desk.list({ limit: 1_000 });
  const firstPageMs = performance.now() - pagingMs;
  const second = await desk.list({ limit: 1_000, cursor: first.cursor ?? '' });
  clearInterval(sampling);
  await desk.close();
  return {
    letters,
    groups: groups.length,
    groupsMs: Math.round(groupsMs),
    paged: first.letters.length + second.letters.length,
    firstPageMs: Math.round(firstPageMs),
    lastId: second.letters.at(-1)?.id ?? null,
    peakMiB: Math.round((peakBytes - idleBytes) / MIB),
  };
}

void read().then((report) => {
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
});
