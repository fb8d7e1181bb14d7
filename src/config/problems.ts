import type { z } from 'zod';
import type { ConfigProblem } from '../contract/errors.js';
import { escapeControls, MASK, redactText } from '../messages/redact.js';
import { type Merged, pathKey, valueAt } from './layers.js';
import { SETTINGS, type Setting, settingAt } from './settings.js';

const SHOWN_MAX_LENGTH = 120;

/** One line of text for people, secrets masked, cut when long. */
export function showText(text: string): string {
  const shown = escapeControls(redactText(text));
  return shown.length > SHOWN_MAX_LENGTH ? `${shown.slice(0, SHOWN_MAX_LENGTH)}…` : shown;
}

/** A value as text, secrets masked. Without a setting nobody knows what it is, so only its type is told. */
export function showValue(value: unknown, setting: Setting | undefined): string {
  if (value === undefined) return 'not set';
  if (typeof value === 'function') return 'a function';
  if (setting === undefined) return `a value of type ${Array.isArray(value) ? 'array' : typeof value}`;
  if (setting.secret === 'value') return MASK;
  if (setting.secret === 'url') return showUrls(value);
  return typeof value === 'string'
    ? `"${showPlain(value)}"`
    : showPlain(JSON.stringify(value) ?? typeof value);
}

/**
 * A URL is shown with host and path only if it is certain where its credentials end: a raw `/`, `#` or `@` in a
 * password, or a forgotten host, moves that place.
 */
function showUrls(value: unknown): string {
  if (Array.isArray(value)) return value.map(showUrls).join(', ');
  if (typeof value !== 'string') return `a value of type ${typeof value}`;
  return `"${isPlainUrl(value) ? showText(value.replace(/\/\/.*@/, `//${MASK}@`)) : maskBehindScheme(value)}"`;
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { hostname, pathname, search, hash } = new URL(text);
  return hostname !== '' && !pathname.includes('@') && search === '' && hash === '' && /^[!-~]*$/.test(text);
}

const maskBehindScheme = (text: string): string =>
  (/^[a-z][a-z0-9+.-]{0,20}:\/\//i.exec(text)?.[0] ?? '') + MASK;

const CREDENTIALS = /:[\s\S]*@/;

/** A text that is no secret, unless somebody put a URL with credentials, or `user:password@host`, there. */
const showPlain = (text: string): string =>
  CREDENTIALS.test(text) ? maskBehindScheme(text) : showText(text);

/** The name to change for the value at a path: of its origin, else the variable, else the dotted path. */
export function nameAt(path: readonly PropertyKey[], merged: Merged): string {
  for (let length = path.length; length > 0; length--) {
    const origin = merged.origins.get(pathKey(path.slice(0, length)));
    if (origin !== undefined) return origin.name;
  }
  const setting = settingAt(path);
  return setting?.env ?? dotted(path);
}

/** A path for people. */
export const dotted = (path: readonly PropertyKey[]): string => showText(path.map(String).join('.'));

/** What zod found, in our words. An unknown key is a problem of its own. */
export function toProblems(issues: readonly z.core.$ZodIssue[], merged: Merged): ConfigProblem[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [toProblem(issue, merged)];
    return issue.keys.map((key) => unknownKey([...issue.path, key], merged));
  });
}

function toProblem(issue: z.core.$ZodIssue, merged: Merged): ConfigProblem {
  const setting = settingAt(issue.path);
  const own = issue.code === 'custom' && issue.message !== 'Invalid input' ? issue.message : undefined;
  return {
    setting: nameAt(issue.path, merged),
    was: showItem(issue.path, merged, setting),
    allowed: own ?? setting?.allowed ?? 'a section of settings by name',
  };
}

/** Of a list the item; but a comma in a password cuts it in two, so credentials in the list hide every item. */
function showItem(path: readonly PropertyKey[], { values }: Merged, setting: Setting | undefined): string {
  const whole = valueAt(values, path.slice(0, setting?.path.length));
  const isUnsafe = Array.isArray(whole) && setting?.secret === undefined && CREDENTIALS.test(whole.join());
  const value = valueAt(values, path);
  // Of a URL that was refused nobody knows where its credentials end.
  if (setting?.secret === 'url' && typeof value === 'string') return `"${maskBehindScheme(value)}"`;
  return isUnsafe ? MASK : showValue(value, setting);
}

function unknownKey(path: readonly PropertyKey[], merged: Merged): ConfigProblem {
  const parent = path.slice(0, -1);
  const siblings = SETTINGS.filter(({ path: at }) =>
    parent.every((part, i) => at[i] === part || at[i] === '<name>'),
  );
  const keys = [...new Set(siblings.map(({ path: at }) => at[parent.length]))];
  return {
    setting: nameAt(path, merged),
    was: 'an unknown key',
    allowed: keys.join(', '),
  };
}
