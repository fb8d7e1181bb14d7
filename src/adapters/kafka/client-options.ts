import type { ConnectionOptions } from 'node:tls';
import kafkajs, { type Kafka, type KafkaConfig, type SASLOptions } from 'kafkajs';
import type { Random } from '../../contract/clock.js';
import type { Logger } from '../../contract/logger.js';
import type { KafkaSettings, SaslSettings, TlsSettings } from '../../contract/settings.js';
import { createClientLog } from './client-log.js';
import { type GuardedSocket, openGuardedSocket, type SocketRequest } from './frame-guard.js';

/** What every client of one broker is made from. */
export interface ClientContext {
  readonly settings: KafkaSettings;
  readonly logger: Logger;
  readonly random: Random;
}

/** Host and port of one address; IPv6 hosts stand in brackets. */
export interface Seed {
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORT = 9092;

/** Reads `host:port`, `[::1]:port` or a bare host. */
export function parseSeed(address: string): Seed {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(address);
  const host = match?.[1] ?? match?.[2] ?? address;
  return { host, port: match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]) };
}

/** The configured brokers, each call beginning with another one: a client that is built anew must not meet the dead one first. */
export function createSeedRotation({ settings, random }: ClientContext): () => readonly Seed[] {
  const seeds = settings.brokers.map(parseSeed);
  let start = Math.floor(random() * seeds.length);
  return () => {
    start = (start + 1) % seeds.length;
    return [...seeds.slice(start), ...seeds.slice(0, start)];
  };
}

/** TLS as Node.js takes it; `undefined`: plain. */
export function toTlsOptions(tls: TlsSettings | undefined): ConnectionOptions | undefined {
  if (tls === undefined) return undefined;
  const { serverName, rejectUnauthorized, ...pem } = tls;
  return {
    ...pem,
    ...(serverName === undefined ? {} : { servername: serverName }),
    rejectUnauthorized: rejectUnauthorized ?? true,
  };
}

/** SASL as kafkajs takes it. */
export function toSaslOptions(sasl: SaslSettings | undefined): SASLOptions | undefined {
  if (sasl === undefined) return undefined;
  if (sasl.mechanism !== 'oauthbearer') return { ...sasl };
  const { token } = sasl;
  return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await token() }) };
}

/** Seeds as kafkajs takes them: it splits at the first colon, so IPv6 hosts go by a stand-in. */
function toAliases(seeds: readonly Seed[]): { brokers: string[]; hostOf: (host: string) => string } {
  const hosts = new Map<string, string>();
  const brokers = seeds.map(({ host, port }, index) => {
    if (!host.includes(':')) return `${host}:${port}`;
    const alias = `ipv6-seed-${index}.invalid`;
    hosts.set(alias, host);
    return `${alias}:${port}`;
  });
  return { brokers, hostOf: (host) => hosts.get(host) ?? host };
}

/** What one client differs in. */
export interface ClientShape {
  readonly seeds: readonly Seed[];
  /** Tries of the client itself, within one call. */
  readonly retries: number;
  /** Told of every connection that it opens. */
  readonly onSocket?: (socket: GuardedSocket) => void;
}

/** One kafkajs client. Each of our roles has its own: two consumers of one group on one object share a cache. */
export function createKafkajs(context: ClientContext, { seeds, retries, onSocket }: ClientShape): Kafka {
  const { settings, logger } = context;
  const { brokers, hostOf } = toAliases(seeds);
  const ssl = toTlsOptions(settings.tls);
  const sasl = toSaslOptions(settings.sasl);
  const openSocket = (request: SocketRequest): GuardedSocket => {
    const socket = openGuardedSocket({ ...request, host: hostOf(request.host) });
    onSocket?.(socket);
    return socket;
  };
  return new kafkajs.Kafka({
    clientId: settings.clientId,
    brokers,
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl }),
    connectionTimeout: settings.connectionTimeoutMs,
    authenticationTimeout: settings.requestTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    enforceRequestTimeout: true,
    retry: { retries, initialRetryTime: 100, maxRetryTime: 1_000 },
    // The guard offers the part of a socket that kafkajs uses.
    socketFactory: openSocket as unknown as NonNullable<KafkaConfig['socketFactory']>,
    logLevel: kafkajs.logLevel.WARN,
    logCreator: createClientLog(logger),
  });
}
