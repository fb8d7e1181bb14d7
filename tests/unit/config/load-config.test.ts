import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../src/config/load-config.js';

const load = (env: Record<string, string>) => loadConfig(env, { file: false });

describe('loadConfig', () => {
  it('turns Kafka on only with the flag and an address', async () => {
    const config = await load({ KAFKA_ENABLED: 'true', KAFKA_BROKERS: 'a:9092, b:9093' });
    expect(config.enabled).toEqual(['kafka']);
    expect(config.brokers.kafka?.brokers).toEqual(['a:9092', 'b:9093']);
    expect(config.defaultBroker).toBe('kafka');
  });

  it('warns when Kafka is on without an address, and leaves it off', async () => {
    const config = await load({ KAFKA_ENABLED: 'true', RABBITMQ_ENABLED: 'true', RABBITMQ_URL: 'amqp://h' });
    expect(config.enabled).toEqual(['rabbitmq']);
    expect(config.warnings).toEqual(['KAFKA_ENABLED is true but KAFKA_BROKERS is not set, so Kafka is off.']);
  });

  it('refuses to run with no broker on', async () => {
    await expect(load({})).rejects.toThrow('no broker is on');
  });

  it('serves both names from memory when embedded mode is asked for', async () => {
    const config = await load({ EMBEDDED: 'true' });
    expect(config).toMatchObject({
      enabled: ['kafka', 'rabbitmq'],
      embedded: true,
      brokers: {},
      defaultBroker: 'rabbitmq',
    });
  });
});
