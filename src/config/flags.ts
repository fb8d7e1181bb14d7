import { ConfigError, type ConfigProblem } from '../contract/errors.js';
import { BROKER_NAMES, type BrokerName } from '../contract/message.js';
import type { BusConfig, OriginSource } from './bus-config.js';

/** The broker of one consumer, and what said so. */
export interface ResolvedFlag {
  readonly broker: BrokerName;
  readonly source: OriginSource;
  /** What to change: the variable, or the dotted path. */
  readonly setting: string;
}

/** How strictly flags are read. */
export interface ResolveFlagsOptions {
  /** `ignore`: flags of consumers that are not there yet are left alone. Default `refuse`. */
  readonly unknown?: 'refuse' | 'ignore';
}

/** Name of the flag of a consumer: upper case, every other character `_`; `feature-usage` → `CONSUMER_FEATURE_USAGE_BROKER`. */
export const flagNameOf = (consumer: string): string =>
  `CONSUMER_${consumer.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_BROKER`;

/**
 * Which broker feeds each consumer: override, then environment, then file, then the default broker. Throws ConfigError
 * with everything that is wrong: two consumers with one flag name, flags of unknown consumers, a broker that is off.
 */
export function resolveFlags(
  config: BusConfig,
  consumers: readonly string[],
  options: ResolveFlagsOptions = {},
): ReadonlyMap<string, ResolvedFlag> {
  const resolved = new Map(consumers.map((name) => [name, resolveFlag(config, name)] as const));
  const problems = [
    ...findTwins(consumers),
    ...(options.unknown === 'ignore' ? [] : findUnknown(config, consumers)),
    ...[...resolved.values()].flatMap((flag) => findDisabled(config, flag)),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return resolved;
}

/** A sentence for each flag or section of a consumer that is not there (yet). */
export const warnOfUnknownFlags = (config: BusConfig, consumers: readonly string[]): string[] =>
  findUnknown(config, consumers).map(
    ({ setting, was, allowed }) => `${setting} is ${was} (yet); there now: ${allowed}.`,
  );

const lookUp = (flags: Readonly<Record<string, BrokerName>>, name: string): BrokerName | undefined =>
  Object.hasOwn(flags, name) ? flags[name] : undefined;

/** The flags of a section `consumers`. */
export function brokersIn(
  consumers: Readonly<Record<string, { readonly broker?: BrokerName } | undefined>>,
): Record<string, BrokerName> {
  const entries = Object.entries(consumers).flatMap(([name, consumer]) =>
    consumer?.broker === undefined ? [] : [[name, consumer.broker] as const],
  );
  return Object.fromEntries(entries);
}

/** The flag of one consumer, unchecked. */
export function resolveFlag({ flags, defaultBroker }: BusConfig, consumer: string): ResolvedFlag {
  const path = `consumers.${consumer}.broker`;
  const variable = flagNameOf(consumer);
  const override = lookUp(flags.overrides, consumer);
  if (override !== undefined) return { broker: override, source: 'override', setting: path };
  const environment = lookUp(flags.environment, variable);
  if (environment !== undefined) return { broker: environment, source: 'environment', setting: variable };
  const file = lookUp(flags.file, consumer);
  if (file !== undefined) return { broker: file, source: 'file', setting: path };
  return { broker: defaultBroker, source: 'default', setting: variable };
}

function findTwins(consumers: readonly string[]): ConfigProblem[] {
  const owners = new Map<string, string>();
  return consumers.flatMap((name) => {
    const variable = flagNameOf(name);
    const owner = owners.get(variable);
    owners.set(variable, name);
    if (owner === undefined) return [];
    const was = `the flag of two consumers, "${owner}" and "${name}"`;
    return [{ setting: variable, was, allowed: 'one consumer per flag; rename one of them' }];
  });
}

function findUnknown(config: BusConfig, consumers: readonly string[]): ConfigProblem[] {
  const { flags, file, consumers: consumerSections } = config;
  const variables = consumers.map(flagNameOf);
  const unknown = [
    ...Object.keys(flags.environment)
      .filter((variable) => !variables.includes(variable))
      .map((setting) => ({ setting, known: variables })),
    ...Object.keys(consumerSections)
      .filter((name) => !consumers.includes(name))
      .map((name) => ({
        setting: `consumers.${name}${file === null ? '' : ` in ${file}`}`,
        known: consumers,
      })),
  ];
  return unknown.map(({ setting, known }) => ({
    setting,
    was: 'set for a consumer that is not there',
    allowed: known.length === 0 ? 'none, as there are no consumers' : known.join(', '),
  }));
}

function findDisabled({ enabled }: BusConfig, { broker, setting }: ResolvedFlag): ConfigProblem[] {
  if (enabled.includes(broker)) return [];
  const others = BROKER_NAMES.filter((name) => enabled.includes(name));
  const variable = broker === 'kafka' ? 'KAFKA_ENABLED' : 'RABBITMQ_ENABLED';
  return [
    {
      setting,
      was: `"${broker}", which is off`,
      allowed: `${others.join(', ')}; or turn ${broker} on with ${variable}=true and its address`,
    },
  ];
}
