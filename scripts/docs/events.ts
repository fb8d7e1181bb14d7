import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { EVENT_NAMES, lineOf } from '../../src/observability/log-events.js';
import { prefixOf } from '../../src/observability/marks.js';
import { GENERATED, table } from './table.js';

const EVENT = /\/\*\* ((?:(?!\*\/)[\s\S])*) \*\/\s*'?([a-z-]+)'?: \{([^}]*)\};/g;

interface DocumentedEvent {
  readonly doc: string;
  readonly fields: readonly string[];
}

/** Names, doc comments and fields of `BusEvents`, as its source has them. */
export function readEvents(source: string): ReadonlyMap<string, DocumentedEvent> {
  const events = [...source.matchAll(EVENT)].map(([, doc = '', name = '', body = '']) => {
    const fields = body.split(';').map((field) => field.replace(/\s+/g, ' ').trim());
    return [name, { doc: doc.replace(/\s*\n\s*\* ?/g, ' '), fields: fields.filter(Boolean) }] as const;
  });
  return new Map(events);
}

/** `docs/reference/events.md`, from the doc comments of `BusEvents` and the table of log lines. */
export function renderEvents(root: string): string {
  const events = readEvents(readFileSync(resolve(root, 'src/contract/events.ts'), 'utf8'));
  const rows = EVENT_NAMES.map((name) => {
    const event = events.get(name);
    if (event === undefined) throw new Error(`Event ${name} has no doc comment in src/contract/events.ts.`);
    const { level, mark } = lineOf(name);
    const fields = event.fields.map((field) => `\`${field}\``).join('<br>');
    return [`\`${name}\``, event.doc, fields, `${level} ${prefixOf({ mark }).trim()}`];
  });
  return `# Events and log lines

${GENERATED}

\`bus.on(name, listener)\` listens to an event and returns a function that ends it. What a listener throws is caught. Nothing is
emitted per message that is published or handled well. Durations are in milliseconds.

Each event is one log line: a JSON object with \`level\`, \`time\`, \`event\`, \`mark\`, the fields of the event (\`error\` as
\`err\`, with code, stack and causes) and \`msg\`. In a terminal the line is for people and begins with the prefix of its mark.
At level \`debug\` there is also a line per message that was published or handled. Secrets are masked, control characters in
values are made visible.

${table(['Event', 'When', 'Fields', 'Log line'], rows)}
`;
}
