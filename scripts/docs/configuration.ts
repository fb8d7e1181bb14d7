import { APP_SETTINGS, type AppSetting } from '../../src/app/settings.js';
import type { Setting } from '../../src/config/settings.js';
import { SETTINGS } from '../../src/config/settings.js';
import { GENERATED, table } from './table.js';

const SECTIONS: readonly { readonly title: string; readonly roots: readonly string[] }[] = [
  { title: 'General', roots: ['embedded', 'defaultBroker', 'logLevel', 'logPretty', 'start'] },
  { title: 'Kafka', roots: ['kafka'] },
  { title: 'RabbitMQ', roots: ['rabbitmq'] },
  { title: 'Publishing', roots: ['publish'] },
  { title: 'Inbox and dead letters', roots: ['maxMessageAge', 'deadLetters'] },
];

const settingsOf = (roots: readonly string[]): Setting[] =>
  SETTINGS.filter(({ path }) => roots.includes(path[0] ?? ''));

const plain = (value: unknown): string =>
  typeof value === 'number' ? value.toLocaleString('en-US') : `\`${value}\``;

function defaultOf({ default: value, absent, unit }: Setting): string {
  if (value === undefined) return absent ?? 'none';
  return unit === undefined ? plain(value) : `${plain(value)} ${unit}`;
}

function row(setting: Setting): string[] {
  const { path, env, doc, allowed, secret } = setting;
  const masked = secret === undefined ? '' : ' Secret: masked wherever it is shown.';
  return [
    `\`${path.join('.')}\``,
    env === undefined ? '–' : `\`${env}\``,
    defaultOf(setting),
    `${doc}${masked}`,
    allowed,
  ];
}

const HEAD = ['Setting', 'Variable', 'Default', 'Meaning', 'Allowed'];

const section = (title: string, roots: readonly string[]): string =>
  `## ${title}\n\n${table(HEAD, settingsOf(roots).map(row))}\n`;

function namedSection(title: string, root: string): string {
  const rows = settingsOf([root]).map((setting) => {
    const [path = '', , absent = '', doc = '', allowed = ''] = row(setting);
    return [path, absent, doc, allowed];
  });
  return `## ${title}\n\n${table(['Setting', 'Default', 'Meaning', 'Allowed'], rows)}\n`;
}

const INTRODUCTION = `# Configuration

${GENERATED}

\`\`\`ts
const config = await loadConfig(process.env); // or loadConfig(process.env, { file, overrides, cwd })
\`\`\`

Each setting is taken from the first of these that has it: overrides (a command line), the environment, the configuration file,
the default. An empty variable counts as not set. \`config.origins\` tells every resolved value and where it came from, secrets
masked. All bad values are reported together in one \`ConfigError\`, each with its setting, what it was and what is allowed;
unknown keys are bad values. What works but looks wrong is in \`config.warnings\`.

## Which brokers are on

Kafka is on when \`KAFKA_ENABLED\` is exactly \`true\` and \`KAFKA_BROKERS\` is set; RabbitMQ when \`RABBITMQ_ENABLED\` is exactly
\`true\` and \`RABBITMQ_URL\` is set. \`true\` without the address leaves the broker off, with a warning. Other spellings (\`TRUE\`,
\`yes\`, \`1\`) are refused. With both on, a topic is published to both unless \`topics.<name>.brokers\` says otherwise. With
\`EMBEDDED=true\` the brokers that are on, or both if none is, are served from memory and need no address. No broker at all is an
error: nothing is served from memory unless that is asked for.

## Which broker feeds a consumer

\`CONSUMER_<NAME>_BROKER=kafka\` or \`=rabbitmq\`: the name of the consumer in upper case, every other character \`_\`;
\`feature-usage\` has \`CONSUMER_FEATURE_USAGE_BROKER\`. In the file: \`consumers.<name>.broker\`. A consumer without a flag is fed
by \`DEFAULT_BROKER\`, else by the only broker that is on, else (both on) by RabbitMQ. Refused: flags of consumers that are not
there, two consumers with one flag, a broker that is off.

In a \`.json\` file \`consumers.<name>.broker\` is looked at once a second while the bus runs; a change moves the consumer without a
restart. A flag that the environment holds wins, with a warning. A file that is missing, half written or wrong is reported once,
and the last good state holds. Every other setting waits for the next start.

## The file

\`buscoupler.config.js\`, \`.mjs\` or \`.json\` in the working directory, at most one of them; or the path given as \`file\`; with
\`file: false\` none. It holds the settings below by their dotted path; \`.js\` and \`.mjs\` export an object by default. Paths of
certificates in it are relative to it, those in variables to the working directory.

\`\`\`json
{
  "topics": { "feature_usage_topic": { "policy": "primary", "primary": "rabbitmq", "allowGaps": true } },
  "consumers": { "feature-usage": { "broker": "kafka", "concurrency": 32 } }
}
\`\`\`
`;

const SERVER_INTRODUCTION =
  'Read by [the server](../guide/server.md) alone, from the environment or a `.env` file; no bus knows them.';

const appTable = (): string =>
  table(
    ['Variable', 'Default', 'Meaning', 'Allowed'],
    APP_SETTINGS.map(({ env, doc, allowed, ...rest }: AppSetting) => [
      `\`${env}\``,
      rest.fallback === undefined ? 'none' : `\`${rest.fallback}\``,
      `${doc}${rest.isSecret === true ? ' Secret: masked wherever it is shown.' : ''}`,
      allowed,
    ]),
  );

/** `docs/reference/configuration.md`, from the schema. */
export const renderConfiguration = (): string =>
  [
    INTRODUCTION,
    ...SECTIONS.map(({ title, roots }) => section(title, roots)),
    namedSection('One topic (file only)', 'topics'),
    namedSection('One consumer (file only)', 'consumers'),
    `## The server (npm start)\n\n${SERVER_INTRODUCTION}\n\n${appTable()}\n`,
  ].join('\n');

const RULE = `# ${'-'.repeat(57)}`;

/** What a new user sets; the rest is shown as a comment with its default. */
const isEssential = ({ path, example }: Setting): boolean =>
  example !== undefined || (path.length === 2 && (path[1] === 'enabled' || path[1] === 'clientId'));

function variable(setting: Setting): string {
  const { env, doc, allowed, unit, example } = setting;
  const text = setting.default === undefined ? (example ?? '') : String(setting.default);
  const absent =
    setting.default === undefined && setting.absent !== undefined ? ` Without it: ${setting.absent}.` : '';
  const about = `# ${doc}${unit === undefined ? '' : ` In ${unit}.`}${absent}\n# Allowed: ${allowed}.`;
  return `${about}\n${isEssential(setting) ? '' : '# '}${env}=${text}`.replaceAll('`', '');
}

function variables({ title, roots }: (typeof SECTIONS)[number]): string {
  const entries = settingsOf(roots).filter(({ env }) => env !== undefined);
  return [`${RULE}\n# ${title}\n${RULE}`, ...entries.map(variable)].join('\n\n');
}

function appVariable({ env, doc, allowed, fallback, example }: AppSetting): string {
  const about = `# ${doc}\n# Allowed: ${allowed}.`.replaceAll('`', '');
  return `${about}\n${example === undefined ? '# ' : ''}${env}=${fallback ?? example ?? ''}`;
}

/** `.env.example`, from the schema. Every line parses with any reader of such files: no comment behind a value. */
export const renderEnvExample = (): string =>
  `${[
    '# Generated by `npm run generate`; do not edit by hand. Copy it to .env and change what differs.',
    ...SECTIONS.map(variables),
    `${RULE}\n# The server (npm start)\n${RULE}`,
    ...APP_SETTINGS.map(appVariable),
    `${RULE}\n# Consumers\n${RULE}`,
    '# The broker that feeds the consumer "feature-usage".\n# Allowed: kafka, rabbitmq.\n# CONSUMER_FEATURE_USAGE_BROKER=kafka',
  ].join('\n\n')}\n`;
