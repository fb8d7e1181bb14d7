import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE_MS = 10_000;
const LOOK_AGAIN_MS = 10;

/**
 * Resolves when something holds that nobody tells of, as health, which is asked for. Rejects after `patienceMs`
 * (default 10,000).
 */
export async function untilHolds(
  what: string,
  holds: () => boolean | Promise<boolean>,
  patienceMs: number = PATIENCE_MS,
): Promise<void> {
  const endMs = Date.now() + patienceMs;
  while (!(await holds())) {
    assert.ok(Date.now() < endMs, `this did not come to hold within ${patienceMs} ms: ${what}`);
    await delay(LOOK_AGAIN_MS);
  }
}
