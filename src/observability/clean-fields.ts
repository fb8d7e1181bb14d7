import { escapeControls, isSecretName, MASK, redactText } from '../messages/redact.js';

/** How values become fit for a log line. */
export interface CleanOptions {
  /** Texts that are secrets wherever they occur. */
  readonly secrets: readonly string[];
  /** False leaves stacks out. */
  readonly hasStacks: boolean;
}

const TEXT_MAX_LENGTH = 16_384;
const ENTRIES_MAX = 100;
const DEPTH_MAX = 8;

/** Sections whose `key` is a private key. */
const KEY_HOLDERS = new Set(['tls', 'ssl', 'sasl', 'credentials']);

/** One line without secrets, cut when very long. */
export function cleanText(text: string, { secrets }: Pick<CleanOptions, 'secrets'>): string {
  // Literal secrets go first, while they are still as they were; and before the cut, which could leave half of one.
  const masked = secrets.reduce((at, secret) => at.replaceAll(secret, MASK), text);
  const cut = masked.length > TEXT_MAX_LENGTH ? `${masked.slice(0, TEXT_MAX_LENGTH)}…` : masked;
  return escapeControls(redactText(cut));
}

/**
 * A copy of any value that is safe to log: plain data, secrets masked at any depth (by name, in texts, in errors with
 * their causes), no bytes, no control characters, bounded in depth and size. Never throws.
 */
export function cleanFields(value: unknown, options: CleanOptions): unknown {
  return clean(value, { ...options, name: '', parents: [] });
}

interface Place extends CleanOptions {
  /** Name of the field that holds the value. */
  readonly name: string;
  readonly parents: readonly object[];
}

function clean(value: unknown, at: Place): unknown {
  if (typeof value === 'string') return cleanText(value, at);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return `<${typeof value}>`;
  if (typeof value !== 'object' || value === null) return value;
  if (at.parents.includes(value)) return '<cycle>';
  if (at.parents.length >= DEPTH_MAX) return '<too deep>';
  try {
    return cleanObject(value, { ...at, parents: [...at.parents, value] });
  } catch {
    return '<unreadable>'; // a getter or a proxy that throws must not cost the line
  }
}

function cleanObject(value: object, at: Place): unknown {
  if (value instanceof Error) return cleanError(value, at);
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '<invalid date>' : value.toISOString();
  if (value instanceof Map || value instanceof Set) return `<${value.size} entries>`;
  if (Array.isArray(value)) return value.slice(0, ENTRIES_MAX).map((item) => clean(item, at));
  if (value instanceof URL) return cleanText(value.href, at);
  return cleanEntries(Object.entries(value), at);
}

function cleanEntries(entries: readonly [string, unknown][], at: Place): Record<string, unknown> {
  const cleaned = entries
    .slice(0, ENTRIES_MAX)
    .map(([name, value]) => [
      cleanText(name, at),
      isSecretField(name, at) ? maskOf(value) : clean(value, { ...at, name }),
    ]);
  return Object.fromEntries(cleaned); // defines its keys, so that `__proto__` stays a key
}

const isSecretField = (name: string, at: Place): boolean =>
  isSecretName(name) || (name === 'key' && KEY_HOLDERS.has(at.name.toLowerCase()));

/** What is absent is no secret, and telling so helps. */
const maskOf = (value: unknown): unknown =>
  value === undefined || value === null || typeof value === 'boolean' ? value : MASK;

function cleanError(error: Error, at: Place): Record<string, unknown> {
  const { name, message, stack, cause, ...own } = error as Error & Record<string, unknown>;
  return {
    type: cleanText(String(name), at),
    message: cleanText(String(message), at),
    ...cleanEntries(Object.entries(own), at),
    ...(at.hasStacks && typeof stack === 'string' && { stack: cleanStack(stack, at) }),
    ...(cause !== undefined && { cause: clean(cause, { ...at, name: 'cause' }) }),
  };
}

/** Only the frames: the head repeats the message, which may hold line ends. */
function cleanStack(stack: string, at: Place): string {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  return frames.map((line) => cleanText(line, at)).join('\n');
}
