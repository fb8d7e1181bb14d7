import { z } from 'zod';
import { brokerAddressProblem } from './broker-address.js';
import { rabbitmqUrlProblem } from './rabbitmq-url.js';
import { choice, described, duration, integer, line, optionalToggle, text, toggle } from './setting.js';

const isHttpUrl = (url: string): boolean => URL.canParse(url) && /^https?:\/\//i.test(url);

const PEM = 'a PEM text, or the path of a PEM file';

/** The TLS section of a broker; `prefix` names its variables. */
const tlsShape = (prefix: string) => ({
  ca: pem({ env: `${prefix}_CA`, doc: 'Certificate authorities that the server is checked against.' }),
  cert: pem({ env: `${prefix}_CERT`, doc: 'Client certificate.' }),
  key: pem({ env: `${prefix}_KEY`, doc: 'Key of the client certificate.', secret: 'value' }),
  passphrase: text({ env: `${prefix}_PASSPHRASE`, doc: 'Passphrase of the key.', secret: 'value' }),
  serverName: text({
    env: `${prefix}_SERVER_NAME`,
    doc: "Name that the server's certificate must carry.",
    absent: 'the host of the address',
  }),
  rejectUnauthorized: toggle(true, {
    env: `${prefix}_REJECT_UNAUTHORIZED`,
    doc: 'With `false` any certificate is accepted; for tests only.',
  }),
});

function pem(facts: { env: string; doc: string; secret?: 'value' }) {
  const absent = facts.env.endsWith('_CA') ? 'the authorities of Node.js' : 'none';
  return described(z.exactOptional(z.string().min(1).max(1_000_000)), {
    allowed: PEM,
    absent,
    ...facts,
    kind: 'text',
  });
}

const saslSchema = z.strictObject({
  mechanism: described(
    z.exactOptional(
      z
        .string()
        .toLowerCase()
        .pipe(z.enum(['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'])),
    ),
    {
      env: 'KAFKA_SASL_MECHANISM',
      doc: 'How the client proves who it is.',
      allowed: '`plain`, `scram-sha-256`, `scram-sha-512`, `oauthbearer`, in any case',
      kind: 'text',
      absent: 'no authentication',
    },
  ),
  username: text({ env: 'KAFKA_SASL_USERNAME', doc: 'User of every mechanism but `oauthbearer`.' }),
  password: text({ env: 'KAFKA_SASL_PASSWORD', doc: 'Password of that user.', secret: 'value' }),
  tokenFile: text({
    env: 'KAFKA_SASL_TOKEN_FILE',
    doc: 'Path of the file that holds the token of `oauthbearer`; it is read again before the token expires.',
    allowed: 'the path of a file',
  }),
  token: described(z.exactOptional(z.custom<() => Promise<string>>((value) => typeof value === 'function')), {
    doc: 'Function that returns a promise of a token of `oauthbearer`.',
    allowed: 'a function (in a `.js` or `.mjs` file)',
    kind: 'other',
  }),
});

/** Section `kafka`. */
export const kafkaSchema = z.strictObject({
  enabled: toggle(false, {
    env: 'KAFKA_ENABLED',
    doc: 'Kafka is on when this is exactly `true` and `KAFKA_BROKERS` is set.',
  }),
  brokers: described(
    z.exactOptional(
      z
        .array(z.string().refine((address) => brokerAddressProblem(address) === null))
        .min(1)
        .max(100),
    ),
    {
      env: 'KAFKA_BROKERS',
      doc: 'Brokers to ask for the cluster, several separated by commas.',
      allowed: '`host:port`, several separated by commas; IPv6 as `[::1]:9092`',
      kind: 'list',
      example: 'localhost:9092',
      absent: 'Kafka is off',
    },
  ),
  clientId: described(line().default('buscoupler'), {
    env: 'KAFKA_CLIENT_ID',
    doc: 'Name of this service in the logs and quotas of the brokers.',
    allowed: 'a text of one line',
    kind: 'text',
  }),
  tls: z
    .strictObject({
      enabled: optionalToggle({
        env: 'KAFKA_TLS',
        doc: 'Connect through TLS.',
        absent: '`true` if another `KAFKA_TLS_*` is set, else `false`',
      }),
      ...tlsShape('KAFKA_TLS'),
    })
    .prefault({}),
  sasl: saslSchema.prefault({}),
  compression: choice(
    { values: ['none', 'gzip', 'snappy', 'lz4', 'zstd'], default: 'none' },
    {
      env: 'KAFKA_COMPRESSION',
      doc: 'Compression of batches. `snappy` and `lz4` need their optional packages, `zstd` Node.js 22.15.',
    },
  ),
  connectionTimeoutMs: duration(10_000, {
    env: 'KAFKA_CONNECTION_TIMEOUT_MS',
    doc: 'Longest wait for a TCP and TLS connection.',
  }),
  requestTimeoutMs: duration(30_000, {
    env: 'KAFKA_REQUEST_TIMEOUT_MS',
    doc: 'Longest wait for an answer.',
  }),
  sessionTimeoutMs: duration(30_000, {
    env: 'KAFKA_SESSION_TIMEOUT_MS',
    doc: 'A consumer that is silent for so long leaves its group.',
  }),
});

/** Section `rabbitmq`. */
export const rabbitmqSchema = z.strictObject({
  enabled: toggle(false, {
    env: 'RABBITMQ_ENABLED',
    doc: 'RabbitMQ is on when this is exactly `true` and `RABBITMQ_URL` is set.',
  }),
  urls: described(
    z.exactOptional(
      z
        .array(
          z.string().refine((url) => rabbitmqUrlProblem(url) === null, {
            error: (issue) => rabbitmqUrlProblem(issue.input as string) ?? '',
          }),
        )
        .min(1)
        .max(100),
    ),
    {
      env: 'RABBITMQ_URL',
      doc: 'Where RabbitMQ is; several URLs, separated by commas, are tried in turn. `amqps` connects through TLS. No virtual host means `/`.',
      allowed: '`amqp(s)://user:password@host:port/vhost`, user, password and vhost percent-encoded',
      kind: 'list',
      secret: 'url',
      example: 'amqp://localhost:5672',
      absent: 'RabbitMQ is off',
    },
  ),
  managementUrl: described(z.exactOptional(line().refine(isHttpUrl)), {
    env: 'RABBITMQ_MANAGEMENT_URL',
    doc: 'Base URL of the management API. Some checks need it; messages do not.',
    allowed: '`http(s)://user:password@host:port`, user and password percent-encoded',
    kind: 'text',
    secret: 'url',
    example: 'http://localhost:15672',
    absent: 'what needs it is left out',
  }),
  clientId: described(line().default('buscoupler'), {
    env: 'RABBITMQ_CLIENT_ID',
    doc: 'Name of this service in the management UI.',
    allowed: 'a text of one line',
    kind: 'text',
  }),
  tls: z.strictObject(tlsShape('RABBITMQ_TLS')).prefault({}),
  heartbeatSeconds: integer(
    { min: 1, max: 600, default: 10 },
    {
      env: 'RABBITMQ_HEARTBEAT_SECONDS',
      doc: 'AMQP heartbeat; a silent connection is given up after two.',
      unit: 's',
    },
  ),
  connectionTimeoutMs: duration(10_000, {
    env: 'RABBITMQ_CONNECTION_TIMEOUT_MS',
    doc: 'Longest wait for a TCP and TLS connection and the AMQP handshake.',
  }),
  requestTimeoutMs: duration(10_000, {
    env: 'RABBITMQ_REQUEST_TIMEOUT_MS',
    doc: 'Longest wait for the answer to a declaration, a cancel or a close.',
  }),
});
