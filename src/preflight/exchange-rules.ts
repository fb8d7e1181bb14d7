import type { ExchangeDetails, InspectedExchange } from '../contract/inspection.js';
import type { Finding } from '../contract/setup-check.js';
import type { CheckId } from './checks.js';
import { finding, whatOf } from './finding.js';

/** Everything that is to say about one exchange. */
export function exchangeFindings(exchange: InspectedExchange): Finding[] {
  const { name, isThere, details, isOurs } = exchange;
  const seen = (id: CheckId, found: string, expected: string): Finding =>
    finding(id, { where: `rabbitmq: exchange ${name}`, found, expected });
  const findings: Finding[] = [];
  if (isThere.status === 'unknown') {
    const id = isThere.error.code === 'BC_PERMISSION' ? 'rabbitmq-permission' : 'place-not-shown';
    findings.push(seen(id, whatOf(isThere.error), 'an exchange that may be looked at'));
  } else if (!isThere.value) {
    const id = isOurs ? 'place-will-be-created' : 'place-missing';
    findings.push(seen(id, 'it does not exist', `a durable ${exchange.wantedType} exchange`));
  }
  if (details?.status === 'unknown') {
    findings.push(seen('rabbitmq-management-failed', whatOf(details.error), 'a description of the exchange'));
  } else if (details !== null) findings.push(...detailFindings(exchange, details.value, seen));
  return findings;
}

function detailFindings(
  { isOurs, wantedType, failsUnroutable }: InspectedExchange,
  { type, isDurable, alternate }: ExchangeDetails,
  seen: (id: CheckId, found: string, expected: string) => Finding,
): Finding[] {
  return [
    ...(isOurs && type !== wantedType
      ? [seen('rabbitmq-exchange-type', `a ${type} exchange`, `a ${wantedType} exchange`)]
      : []),
    ...(isDurable ? [] : [seen('rabbitmq-not-durable', 'not durable', 'durable')]),
    ...(alternate !== null && failsUnroutable
      ? [seen('rabbitmq-alternate-exchange', `alternate exchange ${alternate}`, 'no alternate exchange')]
      : []),
  ];
}
