import type { ConfigProblem } from '../contract/errors.js';
import { type Merged, valueAt } from './layers.js';
import { nameAt, showValue } from './problems.js';
import { settingAt } from './settings.js';

type Path = readonly string[];

/** What is found while values are checked against each other. */
export interface Findings {
  readonly merged: Merged;
  readonly problems: ConfigProblem[];
  readonly warnings: string[];
  /** Adds a problem of the setting at the path; what it was is read from the values. */
  refuse(path: Path, allowed: string): void;
  /** The name that a person changes for the setting at the path. */
  nameOf(path: Path): string;
  /** True if one of the settings, or a section around it, was refused already: checks that need it say nothing. */
  isBad(...paths: readonly Path[]): boolean;
}

/** Findings that begin with the problems of single values. */
export function createFindings(merged: Merged, problems: readonly ConfigProblem[]): Findings {
  const all = [...problems];
  const nameOf = (path: Path): string => nameAt(path, merged);
  return {
    merged,
    problems: all,
    warnings: [],
    nameOf,
    isBad: (...paths) => {
      const names = paths.flatMap((path) => path.map((_, index) => nameOf(path.slice(0, index + 1))));
      return all.some(({ setting }) => names.includes(setting));
    },
    refuse(path, allowed) {
      const was = showValue(valueAt(merged.values, path), settingAt(path));
      all.push({ setting: nameOf(path), was, allowed });
    },
  };
}
