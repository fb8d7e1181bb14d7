import type { ErrorCode } from '../../contract/errors.js';
import type { OpenConnection } from './open-connection.js';

const MIB = 1024 * 1024;

/** Largest header table, bytes: amqplib encodes it into 64 KiB, of which the other properties take some. */
const HEADERS_MAX_BYTES = 64 * 1024 - 2048;

/** Bytes of a header frame that are not the header table. */
const FRAME_REST_BYTES = 1024;

/** Largest message and header table that a server takes. */
export interface PublishLimits {
  readonly bodyBytes: number;
  readonly headerBytes: number;
}

/** Limits before the server is known: the smallest default of all versions. */
export const UNKNOWN_LIMITS: PublishLimits = { bodyBytes: 16 * MIB, headerBytes: HEADERS_MAX_BYTES };

/** RabbitMQ's default `max_message_size` is 16 MiB since 4.0 and was 128 MiB before (release notes of 4.0.1). */
export function limitsOf({ serverVersion, frameMax }: OpenConnection): PublishLimits {
  const isOld = Number.parseInt(serverVersion, 10) < 4;
  return {
    bodyBytes: (isOld ? 128 : 16) * MIB,
    headerBytes: Math.min(HEADERS_MAX_BYTES, frameMax - FRAME_REST_BYTES),
  };
}

/** Why a message is larger than the server takes; `null` if it is not. */
export function sizeProblem(
  body: number,
  headers: number,
  limits: PublishLimits,
): readonly [ErrorCode, string] | null {
  if (body > limits.bodyBytes) {
    return ['BC_MESSAGE_TOO_LARGE', `A body has ${body} bytes; RabbitMQ takes ${limits.bodyBytes}.`];
  }
  if (headers > limits.headerBytes) {
    return ['BC_MESSAGE_TOO_LARGE', `Headers have ${headers} bytes; RabbitMQ takes ${limits.headerBytes}.`];
  }
  return null;
}
