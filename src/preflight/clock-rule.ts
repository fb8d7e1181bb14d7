import type { Finding } from '../contract/setup-check.js';
import { finding, showMs } from './finding.js';

/** A server may tell its time in seconds, and its answer takes a while. */
const CLOCK_MAX_MS = 3_000;

/** Whether a clock differs from ours by more than 3 s; `null`: it was not told. */
export function clockFindings(where: string, aheadMs: number | null): Finding[] {
  if (aheadMs === null || Math.abs(aheadMs) <= CLOCK_MAX_MS) return [];
  const found = `its clock is ${showMs(Math.round(Math.abs(aheadMs)))} ${aheadMs > 0 ? 'ahead of' : 'behind'} ours`;
  return [finding('clock-skew', { where, found, expected: `at most ${showMs(CLOCK_MAX_MS)}` })];
}
