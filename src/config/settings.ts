import { z } from 'zod';
import { configSchema } from './schema.js';
import { SETTING_FACTS, type SettingFacts } from './setting.js';

/** One setting of the schema. */
export interface Setting extends SettingFacts {
  /** Where it is in the file; `<name>` stands for the name of a topic or consumer. */
  readonly path: readonly string[];
  /** Absent: there is none. */
  readonly default?: unknown;
}

/** Part of a path that stands for any name. */
export const ANY_NAME = '<name>';

function* walk(schema: unknown, path: readonly string[]): Generator<Setting> {
  const facts = SETTING_FACTS.get(schema as z.ZodType);
  if (facts !== undefined) {
    const value = schema instanceof z.ZodDefault ? { default: schema.def.defaultValue } : {};
    yield { ...facts, path, ...value };
  } else if (schema instanceof z.ZodObject) {
    for (const [key, inner] of Object.entries(schema.shape)) yield* walk(inner, [...path, key]);
  } else if (schema instanceof z.ZodRecord) {
    yield* walk(schema.valueType, [...path, ANY_NAME]);
  } else if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodExactOptional
  ) {
    yield* walk(schema.unwrap(), path);
  }
}

/** Every setting of the schema, in its order. */
export const SETTINGS: readonly Setting[] = [...walk(configSchema, [])];

const matches = (setting: Setting, path: readonly PropertyKey[]): boolean =>
  setting.path.length <= path.length &&
  setting.path.every((part, index) => part === ANY_NAME || part === path[index]);

/** The setting that a path leads to or into; `undefined` for unknown and enclosing paths. */
export const settingAt = (path: readonly PropertyKey[]): Setting | undefined =>
  SETTINGS.find((setting) => matches(setting, path));
