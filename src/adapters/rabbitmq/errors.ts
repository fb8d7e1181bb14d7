import { isNativeError } from 'node:util/types';
import { BuscouplerError, describeError, type ErrorCode } from '../../contract/errors.js';
import type { Address } from './address.js';

/** AMQP reply codes that we tell apart (amqp0-9-1 specification, "Reply codes"). */
export const REPLY = {
  connectionForced: 320,
  accessRefused: 403,
  notFound: 404,
  resourceLocked: 405,
  preconditionFailed: 406,
} as const;

/** The text of what a socket or amqplib threw; errors of Node.js' core are no `Error` of a realm of its own. */
export const textOf = (thrown: unknown): string =>
  isNativeError(thrown) ? thrown.message || thrown.name : describeError(thrown);

/** The reply code with which the server closed channel or connection; `null` if it was not the server. */
export function replyCodeOf(thrown: unknown): number | null {
  const code = isNativeError(thrown) ? (thrown as Error & { code?: unknown }).code : undefined;
  return typeof code === 'number' ? code : null;
}

/** The server's own words inside amqplib's message, else the whole message. */
export function serverWords(thrown: unknown): string {
  const text = textOf(thrown);
  return /with message "(.*)"/s.exec(text)?.[1] ?? text;
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  [REPLY.accessRefused]: 'BC_PERMISSION',
  [REPLY.notFound]: 'BC_PLACE_MISSING',
  [REPLY.resourceLocked]: 'BC_PLACE_CONFLICT',
  [REPLY.preconditionFailed]: 'BC_PLACE_CONFLICT',
};

/** What a failed request means. `what` begins the sentence: "Declaring the queue "a"". */
export function requestError(thrown: unknown, what: string): BuscouplerError {
  if (thrown instanceof BuscouplerError) return thrown;
  const code = CODES[replyCodeOf(thrown) ?? 0] ?? 'BC_BROKER_UNAVAILABLE';
  return new BuscouplerError(code, `${what} failed: ${serverWords(thrown)}.`, { cause: thrown });
}

/** Texts of amqplib for bytes that are no AMQP, and of Node.js for reading beyond a buffer while parsing them. */
const NOT_AMQP =
  /^Frame size|^Invalid frame|^Unknown frame|^Expected Connection|^Frame on channel|out of range/;
const TLS_CODE =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|EPROTO)/;

/** True if the peer hung up in the middle of the handshake: a server that starts or stops, or one of another kind. */
export function isHangUp(thrown: unknown): boolean {
  const code = (thrown as { code?: unknown } | null)?.code;
  return (
    code === 'ECONNRESET' ||
    code === 'EPIPE' ||
    /closed abruptly|disconnected before secure/.test(textOf(thrown))
  );
}

/** What a connection that could not be made means. */
export function dialError(thrown: unknown, address: Address): BuscouplerError {
  if (thrown instanceof BuscouplerError) return thrown;
  const text = textOf(thrown);
  const code = String((thrown as { code?: unknown } | null)?.code ?? '');
  const fail = (kind: ErrorCode, what: string) => new BuscouplerError(kind, what, { cause: thrown });
  const at = `RabbitMQ at ${address.text}`;
  if (/^Handshake terminated by server: 403|^SASL mechanism/.test(text)) {
    return fail('BC_AUTHENTICATION', `${at} refused the user "${address.username}".`);
  }
  if (/^Expected ConnectionOpenOk; got <ConnectionClose/.test(text)) {
    // amqplib hides the server's words here: vhost missing, or not granted, or its connection limit is reached.
    return fail(
      'BC_PERMISSION',
      `${at} refused the virtual host "${address.vhost}" to the user "${address.username}": it does not exist, or is not granted.`,
    );
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || /wrong version number|packet length too long/.test(text)) {
    return fail('BC_PROTOCOL', `${address.text} does not speak TLS.`);
  }
  if (TLS_CODE.test(code)) {
    // OpenSSL's own text holds addresses and ends with a line end; its reason is the readable part.
    const reason: unknown = (thrown as { reason?: unknown }).reason;
    return fail('BC_TLS', `TLS with ${at} failed: ${typeof reason === 'string' ? reason : text.trim()}.`);
  }
  if (NOT_AMQP.test(text)) return fail('BC_PROTOCOL', `${address.text} does not speak AMQP 0-9-1.`);
  return fail('BC_BROKER_UNAVAILABLE', `${at} cannot be reached: ${text || code}.`);
}

/** The verdict after several hang-ups in a row. */
export const hangUpError = (thrown: unknown, address: Address): BuscouplerError =>
  new BuscouplerError(
    'BC_PROTOCOL',
    `${address.text} closes the connection at our greeting: it is no AMQP server, or it wants ${address.isTls ? 'no TLS' : 'TLS'}.`,
    { cause: thrown },
  );

/** Errors for which trying again at the first connect is pointless. */
export const isFatalDialError = (error: BuscouplerError): boolean => error.code !== 'BC_BROKER_UNAVAILABLE';

/**
 * Codes with which the server closes a whole connection because of what we sent: 501 (frame) to 505, 540. Not 530 (vhost)
 * and not 541, its own trouble: a server that starts up has that with every message.
 */
export const isOurFault = (replyCode: number): boolean =>
  (replyCode >= 501 && replyCode <= 505) || replyCode === 540;
