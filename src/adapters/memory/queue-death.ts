import type { HeaderTable, IncomingMessage, OutgoingMessage } from '../../contract/message.js';
import { copyHeaders } from '../../messages/headers.js';

/** Why a queue gave up on a message, in the broker's words. */
export type DeathReason = 'expired' | 'delivery_limit';

/** The message as the dead-letter exchange gets it: with `x-death`, newest first, one row per queue and reason. */
export function asDeadLetter(
  message: IncomingMessage,
  death: { readonly queue: string; readonly reason: DeathReason; readonly epochMs: number },
): OutgoingMessage {
  const headers = copyHeaders(message.headers);
  const rows = Array.isArray(headers['x-death']) ? (headers['x-death'] as HeaderTable[]) : [];
  const isSame = (row: HeaderTable): boolean => row.queue === death.queue && row.reason === death.reason;
  const before = rows.find(isSame);
  const row = {
    count: Number(before?.count ?? 0) + 1,
    reason: death.reason,
    queue: death.queue,
    time: Math.trunc(death.epochMs / 1000),
    ...routeOf(message),
  };
  headers['x-death'] = [row, ...rows.filter((one) => !isSame(one))];
  headers['x-first-death-queue'] ??= death.queue;
  headers['x-first-death-reason'] ??= death.reason;
  delete headers['x-delivery-count'];
  const { id, key, body, contentType, timestampMs } = message;
  return {
    id: id ?? '',
    key,
    body,
    headers,
    contentType: contentType ?? '',
    timestampMs: timestampMs ?? death.epochMs,
  };
}

function routeOf({ position }: IncomingMessage): HeaderTable {
  if (position.broker !== 'rabbitmq') return {};
  return { exchange: position.exchange, 'routing-keys': [position.routingKey] };
}
