import type { ConfigProblem } from '../contract/errors.js';
import { isSection, type Merged } from './layers.js';
import { dotted } from './problems.js';

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** Takes keys out that would reach a prototype, wherever they are, and tells about them. */
export function findForbiddenKeys({ values }: Merged): ConfigProblem[] {
  return [...walk(values, [])].map((path) => ({
    setting: dotted(path),
    was: 'a key that reaches a prototype',
    allowed: 'any other name',
  }));
}

function* walk(section: Record<string, unknown>, path: readonly string[]): Generator<readonly string[]> {
  for (const key of Object.keys(section)) {
    const at = [...path, key];
    if (FORBIDDEN.has(key)) {
      yield at;
      Reflect.deleteProperty(section, key);
    } else if (isSection(section[key])) {
      yield* walk(section[key], at);
    }
  }
}
