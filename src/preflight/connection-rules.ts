import type { BuscouplerError, ErrorCode } from '../contract/errors.js';
import type { BrokerName } from '../contract/message.js';
import type { Finding } from '../contract/setup-check.js';
import type { CheckId } from './checks.js';
import { finding, whatOf } from './finding.js';

const IDS: Partial<Record<ErrorCode, CheckId>> = {
  BC_AUTHENTICATION: 'broker-credentials',
  BC_TLS: 'broker-tls',
  BC_PROTOCOL: 'broker-protocol',
  BC_PERMISSION: 'broker-access',
  BC_NAME_INVALID: 'name-invalid',
};

/** Why nothing else of a broker was looked at. */
export function connectionFinding(broker: BrokerName, error: BuscouplerError): Finding {
  const id = IDS[error.code] ?? 'broker-unreachable';
  const expected =
    id === 'name-invalid' ? 'names that both brokers take' : 'a connection with these settings';
  return finding(id, { where: broker, found: whatOf(error), expected });
}
