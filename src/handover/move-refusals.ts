import type { BrokerPort } from '../contract/broker.js';
import { BuscouplerError, describeError } from '../contract/errors.js';

/** Throws BC_MOVE_REFUSED if the broker is there and could not serve a leg now. */
export function checkReachable(consumer: string, port: BrokerPort | undefined): void {
  const health = port?.health();
  if (port === undefined || health === undefined || health.state === 'up' || health.state === 'degraded')
    return;
  const what = `${port.name} is ${health.state}${health.reason === undefined ? '' : ` (${health.reason})`}.`;
  throw new BuscouplerError('BC_MOVE_REFUSED', `"${consumer}" cannot be fed by it: ${what}`);
}

/** Why a move did not happen: an error of ours as it is, anything else as BC_MOVE_REFUSED. */
export const refusalOf = (cause: unknown, what: string): BuscouplerError =>
  cause instanceof BuscouplerError
    ? cause
    : new BuscouplerError('BC_MOVE_REFUSED', `${what}: ${describeError(cause)}.`, { cause });
