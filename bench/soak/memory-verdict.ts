/** What the process holds, MiB. */
export interface MemorySample {
  readonly residentMiB: number;
  readonly liveMiB: number;
}

/** Memory after the warm-up and at the end, and whether that is flat. */
export interface MemoryVerdict {
  readonly warm: MemorySample;
  readonly end: MemorySample;
  readonly isFlat: boolean;
}

/** How much more live objects there may be at the end, MiB. Two hundred bytes kept per message show at 50,000. */
export const LIVE_GROWTH_MIB = 4;
/**
 * The same for resident memory, buffers included, MiB: some 80 stay with a process whose heap was full of garbage, or come
 * late. The embedded log holds more than it counts: a small body keeps the whole piece of memory that it was cut from.
 */
export const RESIDENT_GROWTH_MIB = 96;

/** What is held now, after a collection where the process allows one. */
export function sampleMemory(): MemorySample {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { residentMiB: rss / 2 ** 20, liveMiB: heapUsed / 2 ** 20 };
}

/** Judges what the process holds at the end by what it held after the warm-up. */
export function judgeMemory(warm: MemorySample, end: MemorySample): MemoryVerdict {
  const isFlat =
    end.residentMiB - warm.residentMiB <= RESIDENT_GROWTH_MIB &&
    end.liveMiB - warm.liveMiB <= LIVE_GROWTH_MIB;
  return { warm, end, isFlat };
}
