import type { Environment } from './environment.js';
import { SETTINGS } from './settings.js';

const DISTANCE_MAX = 2;
const NAME_MAX_LENGTH = 60;

/**
 * Sentences about variables that look like ours and are not (`KAFKA_BROKER`). They are no error, because other programs
 * own variables with the same beginnings.
 */
export function findMisspelt(env: Environment): string[] {
  const known = SETTINGS.flatMap((setting) => setting.env ?? []);
  const families = new Set(known.map((name) => name.slice(0, name.indexOf('_') + 1)).filter(Boolean));
  return Object.keys(env)
    .filter((name) => name.length <= NAME_MAX_LENGTH && !known.includes(name) && env[name])
    .filter((name) => families.has(name.slice(0, name.indexOf('_') + 1)))
    .flatMap((name) => {
      const meant = known.find((one) => !env[one] && distance(name, one) <= DISTANCE_MAX);
      return meant === undefined ? [] : [`${name} is no setting and has no effect; ${meant} is one.`];
    });
}

/** Fewest insertions, deletions and substitutions from one text to the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
