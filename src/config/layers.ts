import type { OriginSource } from './bus-config.js';

/** Nested values of one source. */
export interface Layer {
  readonly source: OriginSource;
  readonly values: Readonly<Record<string, unknown>>;
  /** What to change for the value at a path. */
  readonly nameOf: (path: readonly string[]) => string;
}

/** Where one leaf of the merged values came from. */
interface LeafOrigin {
  readonly source: OriginSource;
  readonly name: string;
}

/** All layers as one: later ones win, leaf by leaf. */
export interface Merged {
  readonly values: Record<string, unknown>;
  /** By {@link pathKey}. */
  readonly origins: ReadonlyMap<string, LeafOrigin>;
  /** Names of values that stand where a section belongs; a stronger layer has replaced them. */
  readonly misplaced: readonly string[];
}

/** A path as one text that no part of it can forge. */
export const pathKey = (path: readonly PropertyKey[]): string => JSON.stringify(path);

/** True for an object literal; functions, arrays, dates and class instances are leaves. */
export function isSection(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  // A file that is loaded in another realm has another Object.prototype, which itself has none.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Merges layers, the weakest first. Values that are `undefined` count as absent. */
export function mergeLayers(layers: readonly Layer[]): Merged {
  const values: Record<string, unknown> = {};
  const origins = new Map<string, LeafOrigin>();
  const misplaced: string[] = [];
  for (const layer of layers) {
    mergeInto({ target: values, origins, misplaced, layer }, layer.values, []);
  }
  return { values, origins, misplaced };
}

interface Merging {
  readonly target: Record<string, unknown>;
  readonly origins: Map<string, LeafOrigin>;
  readonly misplaced: string[];
  readonly layer: Layer;
}

function mergeInto(
  merging: Merging,
  values: Readonly<Record<string, unknown>>,
  path: readonly string[],
): void {
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const at = [...path, key];
    if (isSection(value)) {
      const before = own(merging.target, key);
      const target = isSection(before) ? before : {};
      if (before !== undefined && before !== target) noteMisplaced(merging, at);
      define(merging.target, key, target);
      mergeInto({ ...merging, target }, value, at);
    } else {
      define(merging.target, key, value);
      const { source, nameOf } = merging.layer;
      merging.origins.set(pathKey(at), { source, name: nameOf(at) });
    }
  }
}

function noteMisplaced({ origins, misplaced }: Merging, path: readonly string[]): void {
  const origin = origins.get(pathKey(path));
  if (origin !== undefined) misplaced.push(origin.name);
  origins.delete(pathKey(path));
}

const own = (target: object, key: string): unknown =>
  Object.hasOwn(target, key) ? (target as Record<string, unknown>)[key] : undefined;

/** Assigning `__proto__` would change the prototype instead of adding a key that is then refused. */
function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

/** The value at a path; `undefined` if there is none. */
export function valueAt(values: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? own(at, String(key)) : undefined),
    values,
  );
}

/** Removes what is at the path, if it is there. */
export function removeAt(values: Record<string, unknown>, path: readonly PropertyKey[]): void {
  const parent = valueAt(values, path.slice(0, -1));
  const last = path.at(-1);
  if (typeof parent === 'object' && parent !== null && last !== undefined)
    Reflect.deleteProperty(parent, last);
}
