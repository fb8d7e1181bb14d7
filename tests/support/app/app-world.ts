import { randomUUID } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type mongoose from 'mongoose';
import type { BrokerName, StatusReport } from '../../../src/index.js';
import { connectMongoose } from '../../integration/inbox/mongo-store.js';
import { ROOT, runProgram } from '../run-program.js';
import { FIND } from '../servers/find-servers.js';
import { startKafka } from '../servers/kafka.js';
import { startRabbit } from '../servers/rabbitmq.js';
import { type SpawnedApp, spawnApp } from './spawn-app.js';

/** As `npm run buscoupler -- status`, without npm. */
const STATUS = [
  process.execPath,
  '--import',
  require.resolve('tsx'),
  `${ROOT}/src/cli/main.ts`,
  'status',
  '--json',
  '--config',
  `${ROOT}/src/app/bus-options.ts`,
] as const;

/** Consumers of the server, in the order in which a team would move them: the harmless ones first. */
export const CONSUMERS = [
  'user-registration-statistics',
  'user-registration-welcome',
  'feature-usage',
  'credits-process-end',
  'credits-process',
] as const;

/** Real servers of its own, and the server on them, which is killed and started again at will. */
export interface AppWorld {
  readonly connection: mongoose.Connection;
  /** What the server is given; changed before a restart. */
  readonly env: Record<string, string>;
  /** The address of the API; changes with each start. */
  readonly address: () => string;
  /** Resolves once it is ready. */
  start(): Promise<void>;
  /** Ends it without a word, and starts it again. */
  killAndStart(): Promise<void>;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Writes the flags of all consumers; those not named are fed by `rest`. */
  feed(flags: Partial<Record<string, BrokerName>>, rest: BrokerName): Promise<void>;
  /** Resolves with the line of the log, also an earlier one of this start. */
  line(text: string): Promise<unknown>;
  /** What waits on both brokers, as an operator sees it from outside. */
  status(): Promise<StatusReport>;
  dispose(): Promise<void>;
}

/** Starts Kafka, RabbitMQ 4.0 and MongoDB; the server is not started. */
export async function openAppWorld(): Promise<AppWorld> {
  const [kafka, rabbit, mongodb] = await Promise.all([
    startKafka(),
    startRabbit({ version: '4.0' }),
    FIND.mongodb(),
  ]);
  const url = new URL(mongodb.address.url);
  url.pathname = `/server_${randomUUID().slice(0, 8)}`;
  const connection = await connectMongoose(url.href, { dbName: url.pathname.slice(1) });
  const cwd = await mkdtemp(join(tmpdir(), 'app-world-'));
  const file = join(cwd, 'flags.json');
  const env: Record<string, string> = {
    KAFKA_BROKERS: kafka.brokers.join(','),
    RABBITMQ_URL: rabbit.url,
    MONGODB_URL: url.href,
    KAFKA_SESSION_TIMEOUT_MS: '6000', // a killed member is missed for so long
  };
  let app: SpawnedApp | null = null;
  let address = '';

  const start = async (): Promise<void> => {
    app = spawnApp(env, { args: ['--config', file], cwd });
    await app.line('The server is ready');
    address = await app.address();
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ended = app;
    app = null;
    ended?.kill(signal);
    await ended?.end;
  };
  return {
    connection,
    env,
    address: () => address,
    start,
    killAndStart: async () => {
      await end('SIGKILL');
      await start();
    },
    stop: () => end('SIGTERM'),
    feed: async (flags, rest) => {
      const consumers = Object.fromEntries(CONSUMERS.map((name) => [name, { broker: flags[name] ?? rest }]));
      await writeFile(`${file}.new`, JSON.stringify({ consumers }));
      await rename(`${file}.new`, file);
    },
    line: async (text) => app?.line(text),
    status: async () => {
      const { code, stdout, stderr } = await runProgram(STATUS, {
        env: { ...env, BUSCOUPLER_FILE: file },
      });
      if (code !== 0) throw new Error(`status ended with ${code}: ${stderr}${stdout}`);
      return JSON.parse(stdout) as StatusReport;
    },
    dispose: async () => {
      await end('SIGKILL');
      await connection.dropDatabase();
      await connection.close();
      await rm(cwd, { recursive: true });
      await Promise.all([kafka.dispose(), rabbit.dispose(), mongodb.dispose()]);
    },
  };
}
