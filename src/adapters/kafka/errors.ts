import { BuscouplerError, type ErrorCode } from '../../contract/errors.js';

/** Code of the error by which a socket that does not speak Kafka is ended. */
export const NOT_KAFKA = 'BC_NOT_KAFKA';
/** The same, when what came back looks like TLS. */
export const SPEAKS_TLS = 'BC_SPEAKS_TLS';

/** What errors of kafkajs carry; none of it is sure to be there. */
interface ClientError {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly type?: unknown;
  readonly code?: unknown;
  readonly broker?: unknown;
  readonly cause?: unknown;
}

/** An error and its causes, outermost first. */
function* causesOf(thrown: unknown): Generator<ClientError> {
  let current = thrown;
  for (let depth = 0; depth < 8 && typeof current === 'object' && current !== null; depth += 1) {
    yield current as ClientError;
    current = (current as ClientError).cause;
  }
}

/** The broker's name for the error (`MESSAGE_TOO_LARGE`, …); `null` if no broker answered. */
export function protocolErrorOf(thrown: unknown): string | null {
  for (const error of causesOf(thrown)) if (typeof error.type === 'string') return error.type;
  return null;
}

const CODES_BY_PROTOCOL_ERROR: Readonly<Record<string, ErrorCode>> = {
  SASL_AUTHENTICATION_FAILED: 'BC_AUTHENTICATION',
  UNSUPPORTED_SASL_MECHANISM: 'BC_AUTHENTICATION',
  ILLEGAL_SASL_STATE: 'BC_AUTHENTICATION',
  UNSUPPORTED_VERSION: 'BC_PROTOCOL',
  TOPIC_AUTHORIZATION_FAILED: 'BC_PERMISSION',
  GROUP_AUTHORIZATION_FAILED: 'BC_PERMISSION',
  CLUSTER_AUTHORIZATION_FAILED: 'BC_PERMISSION',
  UNKNOWN_TOPIC_OR_PARTITION: 'BC_PLACE_MISSING',
  INVALID_TOPIC_EXCEPTION: 'BC_NAME_INVALID',
  MESSAGE_TOO_LARGE: 'BC_MESSAGE_TOO_LARGE',
  RECORD_LIST_TOO_LARGE: 'BC_MESSAGE_TOO_LARGE',
  INVALID_RECORD: 'BC_PUBLISH_REFUSED',
  INVALID_TIMESTAMP: 'BC_PUBLISH_REFUSED',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'BC_PUBLISH_REFUSED',
  UNSUPPORTED_COMPRESSION_TYPE: 'BC_PUBLISH_REFUSED',
  POLICY_VIOLATION: 'BC_PUBLISH_REFUSED',
  TOPIC_ALREADY_EXISTS: 'BC_PLACE_CONFLICT',
  INVALID_PARTITIONS: 'BC_PLACE_CONFLICT',
  INVALID_REPLICATION_FACTOR: 'BC_PLACE_CONFLICT',
  INVALID_CONFIG: 'BC_PLACE_CONFLICT',
};

const CODES_BY_NAME: Readonly<Record<string, ErrorCode>> = {
  KafkaJSSASLAuthenticationError: 'BC_AUTHENTICATION',
  KafkaJSServerDoesNotSupportApiKey: 'BC_PROTOCOL',
};

/** Codes of Node.js and OpenSSL for a handshake that failed. */
const TLS_CODE = /^(ERR_(SSL|TLS|OSSL)|EPROTO|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH)/;
const TLS_ABORTED = /before secure TLS connection was established/;

function codeOf(error: ClientError): ErrorCode | null {
  if (error.code === NOT_KAFKA) return 'BC_PROTOCOL';
  if (error.code === SPEAKS_TLS) return 'BC_TLS';
  if (typeof error.code === 'string' && TLS_CODE.test(error.code)) return 'BC_TLS';
  if (typeof error.message === 'string' && TLS_ABORTED.test(error.message)) return 'BC_TLS';
  if (typeof error.type === 'string') return CODES_BY_PROTOCOL_ERROR[error.type] ?? null;
  return typeof error.name === 'string' ? (CODES_BY_NAME[error.name] ?? null) : null;
}

/** kafkajs puts whole messages and its own advice into some texts: only these kinds are safe to repeat. */
const SAFE_NAMES =
  /^KafkaJS(Protocol|Connection|ConnectionClosed|RequestTimeout|SASLAuthentication|CreateTopic)/;

function detailOf(thrown: unknown): string {
  let detail = '';
  for (const error of causesOf(thrown)) {
    if (typeof error.name !== 'string' || typeof error.message !== 'string') continue;
    if (SAFE_NAMES.test(error.name)) detail = error.message.slice(0, 200);
    else if (detail === '') detail = error.name;
    if (typeof error.broker === 'string' && !detail.includes(error.broker)) detail += ` (${error.broker})`;
  }
  return detail === '' ? 'an unknown error' : detail.replace(/[.\s]+$/, '');
}

/** Our error for whatever kafkajs threw. `what` says what was tried, without a full stop. */
export function toKafkaError(thrown: unknown, what: string, fallback: ErrorCode = 'BC_BROKER_UNAVAILABLE') {
  if (thrown instanceof BuscouplerError) return thrown;
  for (const error of causesOf(thrown)) {
    const code = codeOf(error);
    if (code !== null) return new BuscouplerError(code, `${what}: ${detailOf(thrown)}.`, { cause: thrown });
  }
  return new BuscouplerError(fallback, `${what}: ${detailOf(thrown)}.`, { cause: thrown });
}

const FATAL_ON_CONNECT: ReadonlySet<ErrorCode> = new Set(['BC_AUTHENTICATION', 'BC_TLS', 'BC_PROTOCOL']);

/** True if connecting again cannot help: wrong credentials, wrong TLS, not a Kafka. */
export const isFatalOnConnect = (error: BuscouplerError): boolean => FATAL_ON_CONNECT.has(error.code);

const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'BC_MESSAGE_TOO_LARGE',
  'BC_PUBLISH_REFUSED',
  'BC_PERMISSION',
  'BC_PLACE_MISSING',
  'BC_NAME_INVALID',
]);

/** True if the broker answered a produce request with an error that sending again cannot cure. */
export const isRefusal = (error: BuscouplerError): boolean => REFUSALS.has(error.code);
