import { createBus, createLogger, type Logger } from '../index.js';
import { ReservationSweeper } from '../modules/credits-process/credits-process.sweeper.js';
import { type Assembly, assemble } from './assemble.js';
import type { Environment } from './environment.js';
import { addRoutes } from './http/add-routes.js';
import { createHttp } from './http/create-http.js';
import { readinessOf } from './http/readiness.js';
import { secretsIn } from './secret-url.js';
import { Server } from './server.js';

/** A server that is built and not started. */
export interface OpenServer {
  /** Resolves when everything works; the log says where the API listens, and why it may not be what is wanted. */
  start(): Promise<void>;
  /** Closes in order and logs what was left. Shares the pending promise. */
  shutDown(signal: string): Promise<void>;
}

/**
 * Builds the server from the environment and connects to its stores. Rejects with a ConfigError that names the settings in
 * question.
 */
export async function openServer(
  env: Environment,
  overrides: { readonly file?: string } = {},
): Promise<OpenServer> {
  const assembly = await assemble(env, overrides);
  const logger = createAppLogger(assembly);
  try {
    const server = await build(assembly, logger);
    return {
      start: () => start(server, assembly, logger),
      shutDown: (signal) => shutDown(server, logger, signal),
    };
  } catch (error) {
    await assembly.stores.close();
    throw error;
  }
}

/** Lines of the server itself; those of the bus come from its own logger, which knows the secrets of the brokers. */
const createAppLogger = ({ settings, options: { config } }: Assembly): Logger =>
  createLogger({
    level: config.logLevel,
    secrets: settings.mongodbUrl === null ? [] : secretsIn(settings.mongodbUrl),
    ...(config.logPretty === undefined ? {} : { pretty: config.logPretty }),
  });

async function build(assembly: Assembly, logger: Logger): Promise<Server> {
  const { settings, options, modules, stores } = assembly;
  const bus = await createBus(options);
  const http = createHttp(logger);
  const server = new Server({
    settings,
    bus,
    http,
    modules: Object.values(modules),
    jobs: [new ReservationSweeper({ service: modules.credits.service, logger })],
    onListen: (address) => logger.info({ address }, `The server listens at ${address}`),
    closeStores: stores.close,
  });
  addRoutes(http, {
    bus,
    modules,
    readiness: () => readinessOf(bus.health(), stores.problem(), server.isClosing),
  });
  return server;
}

async function start(server: Server, { warnings }: Assembly, logger: Logger): Promise<void> {
  for (const what of warnings) logger.warn({}, what);
  await server.start();
  logger.info({}, 'The server is ready');
}

async function shutDown(server: Server, logger: Logger, signal: string): Promise<void> {
  logger.info(
    { signal },
    `${signal}: the server takes nothing more and finishes what it has; once more ends it at once`,
  );
  const { publishes, deliveries } = await server.close();
  if (publishes === 0 && deliveries === 0) return logger.info({}, 'The server has closed; nothing was left');
  logger.warn(
    { publishes, deliveries },
    `The server has closed; left: ${publishes} publishes, whose callers were told, and ${deliveries} deliveries, which come again`,
  );
}
