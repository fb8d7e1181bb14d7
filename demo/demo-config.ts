import { type BusConfig, ConfigError, loadConfig } from '../src/index.js';

/** The environment cannot serve the demo; the message says what to set. */
export class NoBrokersError extends Error {
  constructor(what: string) {
    super(`${what}

--real needs both brokers. Set in the environment, for example:
  KAFKA_ENABLED=true     KAFKA_BROKERS=127.0.0.1:9092
  RABBITMQ_ENABLED=true  RABBITMQ_URL=amqp://user:password@127.0.0.1:5672`);
    this.name = 'NoBrokersError';
  }
}

/** Longest wait for the brokers, ms; a demo says soon that they are not there. */
const START_TIMEOUT_MS = 15_000;

/** The configuration of a run. Rejects with NoBrokersError. */
export async function loadDemoConfig(isReal: boolean, file: string): Promise<BusConfig> {
  if (!isReal) return loadConfig({}, { file, overrides: { embedded: true } });
  const overrides = { embedded: false, start: { timeoutMs: START_TIMEOUT_MS } };
  try {
    const config = await loadConfig(undefined, { file, overrides });
    if (config.enabled.length === 2) return config;
    throw new NoBrokersError(`Only ${config.enabled.join()} is configured.`);
  } catch (error) {
    throw error instanceof ConfigError ? new NoBrokersError(error.message) : error;
  }
}
