import { dirname } from 'node:path';
import { parseDurationMs } from '../contract/duration.js';
import { ConfigError, type ConfigProblem } from '../contract/errors.js';
import { BROKER_NAMES, type BrokerName } from '../contract/message.js';
import { resolveEnabled, resolveKafka, resolveRabbitmq } from './brokers.js';
import type { BusConfig, ConsumerConfig, Flags } from './bus-config.js';
import { type ConfigFile, readConfigFile } from './config-file.js';
import {
  type Environment,
  type EnvironmentValues,
  processEnvironment,
  readEnvironment,
} from './environment.js';
import { createFindings, type Findings } from './findings.js';
import { brokersIn } from './flags.js';
import { findForbiddenKeys } from './forbidden-keys.js';
import { deepFreeze } from './freeze.js';
import { type Layer, type Merged, mergeLayers, removeAt } from './layers.js';
import { findMisspelt } from './misspelt.js';
import { originsOf } from './origins.js';
import { dotted, showText, toProblems } from './problems.js';
import { type ConfigInput, type ConfigValues, configSchema } from './schema.js';
import { settingAt } from './settings.js';

/** Options of {@link loadConfig}. */
export interface LoadConfigOptions {
  /** Path of the file; `false`: none. Default: `buscoupler.config.{js,mjs,json}` in `cwd`, if there is one. */
  readonly file?: string | false;
  /** Wins over everything; what a command line says. */
  readonly overrides?: ConfigInput;
  /** Default: the working directory of the process. */
  readonly cwd?: string;
}

/**
 * Reads, checks and completes the configuration: overrides, then environment, then file, then defaults. Rejects with
 * one ConfigError that lists every bad value with its setting, what it was (secrets masked) and what is allowed.
 */
export async function loadConfig(
  env: Environment = processEnvironment(),
  options: LoadConfigOptions = {},
): Promise<BusConfig> {
  const cwd = options.cwd ?? process.cwd();
  const file = options.file === false ? null : await readConfigFile(options.file, cwd);
  const environment = readEnvironment(env);
  const sources: Sources = { file, environment, overrides: options.overrides ?? {} };
  const merged = mergeLayers(toLayers(sources));
  const { values, problems } = parse(merged);
  const findings = createFindings(merged, [...problems, ...flagProblems(environment)]);
  const resolved = await resolveValues(values, {
    findings,
    cwd,
    fileFolder: file === null ? cwd : dirname(file.path),
  });
  if (findings.problems.length > 0) throw new ConfigError(findings.problems);
  return deepFreeze({
    ...resolved,
    flags: flagsOf(sources),
    file: file?.path ?? null,
    origins: originsOf({ ...values, defaultBroker: resolved.defaultBroker }, merged, environment.flags),
    warnings: [...findings.warnings, ...findMisspelt(env)],
  });
}

interface Sources {
  readonly file: ConfigFile | null;
  readonly environment: EnvironmentValues;
  readonly overrides: ConfigInput;
}

const toLayers = ({ file, environment, overrides }: Sources): Layer[] => [
  {
    source: 'file',
    values: file?.values ?? {},
    nameOf: (path) => `${dotted(path)} in ${showText(file?.path ?? '')}`,
  },
  {
    source: 'environment',
    values: environment.values,
    nameOf: (path) => settingAt(path)?.env ?? dotted(path),
  },
  { source: 'override', values: overrides as Record<string, unknown>, nameOf: dotted },
];

/** Values that were refused are taken out, so that the rest can be checked in the same run. */
function parse(merged: Merged): { values: ConfigValues; problems: ConfigProblem[] } {
  const problems = [...findForbiddenKeys(merged), ...merged.misplaced.map(misplacedProblem)];
  const first = configSchema.safeParse(merged.values);
  if (first.success) return { values: first.data, problems };
  problems.push(...toProblems(first.error.issues, merged));
  for (const issue of first.error.issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) removeAt(merged.values, [...issue.path, key]);
    } else {
      removeAt(merged.values, issue.path.slice(0, settingAt(issue.path)?.path.length));
    }
  }
  const second = configSchema.safeParse(merged.values);
  if (!second.success) throw new ConfigError(problems);
  return { values: second.data, problems };
}

const misplacedProblem = (setting: string): ConfigProblem => ({
  setting,
  was: 'a single value',
  allowed: 'a section of settings by name',
});

const isBrokerName = (text: unknown): text is BrokerName => BROKER_NAMES.some((name) => name === text);

const flagProblems = ({ flags }: EnvironmentValues): ConfigProblem[] =>
  Object.entries(flags)
    .filter(([, text]) => !isBrokerName(text))
    .map(([setting, text]) => ({
      setting: showText(setting),
      was: `"${showText(text)}"`,
      allowed: 'exactly `kafka` or `rabbitmq`',
    }));

type Resolved = Omit<BusConfig, 'flags' | 'file' | 'origins' | 'warnings'>;

interface Context {
  readonly findings: Findings;
  readonly cwd: string;
  readonly fileFolder: string;
}

async function resolveValues(values: ConfigValues, context: Context): Promise<Resolved> {
  const { findings } = context;
  const enabled = resolveEnabled(values, findings);
  const isOn = (name: BrokerName): boolean => enabled.includes(name) && !values.embedded;
  const { timeoutMs, policy, primary, ...bounds } = values.publish;
  checkBrokerNames(values, enabled, findings);
  return {
    enabled,
    embedded: values.embedded,
    brokers: {
      ...(isOn('kafka') && { kafka: await resolveKafka(values.kafka, context) }),
      ...(isOn('rabbitmq') && { rabbitmq: await resolveRabbitmq(values.rabbitmq, context) }),
    },
    defaultBroker: values.defaultBroker ?? (enabled.includes('rabbitmq') ? 'rabbitmq' : 'kafka'),
    topics: values.topics,
    consumers: Object.fromEntries(
      Object.entries(values.consumers).map(([name, { broker: _, ...consumer }]) => [name, consumer]),
    ) as Record<string, ConsumerConfig>,
    publish: { policy, timeoutMs, bounds, ...(primary !== undefined && { primary }) },
    start: values.start,
    maxMessageAgeMs: parseDurationMs(values.maxMessageAge, 'maxMessageAge'),
    deadLetters: {
      maxReplays: values.deadLetters.maxReplays,
      maxReplayAgeMs: parseDurationMs(values.deadLetters.maxReplayAge, 'deadLetters.maxReplayAge'),
    },
    logLevel: values.logLevel,
    ...(values.logPretty !== undefined && { logPretty: values.logPretty }),
    ...(values.rabbitmq.managementUrl !== undefined && { managementUrl: values.rabbitmq.managementUrl }),
  };
}

/** Settings that name a broker must name one that is on. */
function checkBrokerNames(values: ConfigValues, enabled: readonly BrokerName[], findings: Findings): void {
  if (enabled.length === 0) return;
  const allowed = `a broker that is on: ${enabled.join(', ')}`;
  const check = (path: readonly string[], broker: BrokerName | undefined): void => {
    if (broker !== undefined && !enabled.includes(broker)) findings.refuse(path, allowed);
  };
  check(['defaultBroker'], values.defaultBroker);
  check(['publish', 'primary'], values.publish.primary);
  if (values.publish.policy === 'primary' && values.publish.primary === undefined) {
    if (!findings.isBad(['publish', 'primary'])) {
      findings.refuse(['publish', 'primary'], `${allowed}, as the policy is primary`);
    }
  }
  for (const [name, topic] of Object.entries(values.topics)) {
    check(['topics', name, 'primary'], topic.primary);
    for (const broker of topic.brokers ?? []) check(['topics', name, 'brokers'], broker);
  }
}

/** Called once everything is known to be right, so the sections are what the schema says. */
const consumersIn = (values: object) => (values as ConfigInput).consumers ?? {};

const flagsOf = ({ file, environment, overrides }: Sources): Flags => ({
  overrides: brokersIn(consumersIn(overrides)),
  environment: environment.flags as Record<string, BrokerName>,
  file: brokersIn(consumersIn(file?.values ?? {})),
});
