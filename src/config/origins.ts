import type { SettingOrigin } from './bus-config.js';
import { type Merged, pathKey, valueAt } from './layers.js';
import { dotted, showValue } from './problems.js';
import type { ConfigValues } from './schema.js';
import { ANY_NAME, SETTINGS, settingAt } from './settings.js';

/** Every setting with its resolved value as text, secrets masked, and where it came from; by dotted path. */
export function originsOf(
  values: ConfigValues,
  merged: Merged,
  flags: Readonly<Record<string, string>>,
): Record<string, SettingOrigin> {
  const origins = Object.create(null) as Record<string, SettingOrigin>;
  for (const path of pathsOf(merged)) {
    const setting = settingAt(path);
    const origin = merged.origins.get(pathKey(path));
    const given = origin ?? { source: 'default' as const, name: setting?.env ?? dotted(path) };
    origins[dotted(path)] = { ...given, shown: showValue(valueAt(values, path), setting) };
  }
  for (const [name, broker] of Object.entries(flags)) {
    origins[name] = { source: 'environment', name, shown: `"${broker}"` };
  }
  return origins;
}

/** The settings with a fixed path, then what is said of single topics and consumers. */
function pathsOf({ origins }: Merged): (readonly string[])[] {
  const fixed = SETTINGS.map(({ path }) => path).filter((path) => !path.includes(ANY_NAME));
  const known = new Set(fixed.map(pathKey));
  const named = [...origins.keys()]
    .filter((key) => !known.has(key))
    .map((key) => JSON.parse(key) as string[]);
  return [...fixed, ...named];
}
