/** What a log line is about; field `mark`. In a terminal it is shown as a prefix. */
export type Mark = 'connection' | 'published' | 'consuming' | 'success' | 'error' | 'warning' | 'dead-letter';

const PREFIXES: Readonly<Record<Mark, string>> = {
  connection: '📨',
  published: '📤',
  consuming: '📥',
  success: '✅',
  error: '❌',
  warning: '⚠️',
  'dead-letter': '📮',
};

const isMark = (value: unknown): value is Mark => typeof value === 'string' && Object.hasOwn(PREFIXES, value);

/** The prefix of a line: of its mark, else of its level; empty for plain lines. */
export function prefixOf({ mark, level }: { readonly mark?: unknown; readonly level?: unknown }): string {
  if (isMark(mark)) return `${PREFIXES[mark]} `;
  if (level === 'error' || level === 'fatal') return `${PREFIXES.error} `;
  return level === 'warn' ? `${PREFIXES.warning} ` : '';
}
