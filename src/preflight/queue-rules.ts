import type { InspectedQueue, QueueDetails } from '../contract/inspection.js';
import type { Finding } from '../contract/setup-check.js';
import type { CheckId } from './checks.js';
import { finding, showMs, whatOf } from './finding.js';
import { differingArguments, InForce, showArgument } from './queue-arguments.js';

/** Restarts alone use up fewer deliveries. */
const DELIVERIES_MIN = 20;
/** What looks through letters and retry copies never uses up. */
const LOOKS_MIN = 1_000;

type Add = (id: CheckId, found: string, expected: string) => void;

/** A queue that is there and shown. */
interface Present {
  readonly queue: InspectedQueue;
  readonly details: QueueDetails;
  readonly inForce: InForce;
  /** Of the server. */
  readonly major: number;
  readonly add: Add;
}

/** Everything that is to say about one queue, on a server of this version. */
export function queueFindings(queue: InspectedQueue, version: string): Finding[] {
  const findings: Finding[] = [];
  const { name, purpose, isThere, details } = queue;
  const where = `rabbitmq: ${purpose === 'work' ? 'queue' : `${purpose} queue`} ${name}`;
  const add: Add = (id, found, expected) => findings.push(finding(id, { where, found, expected }));
  if (isThere.status === 'unknown') {
    const id = isThere.error.code === 'BC_PERMISSION' ? 'rabbitmq-permission' : 'place-not-shown';
    add(id, whatOf(isThere.error), 'a queue that may be looked at');
  } else if (!isThere.value) {
    if (queue.isOurs) add('place-will-be-created', 'it does not exist yet', 'a quorum queue');
    else add('place-missing', 'it does not exist', 'a queue that somebody else created');
  }
  if (details?.status === 'unknown') {
    add('rabbitmq-management-failed', whatOf(details.error), 'a description of the queue');
  } else if (details !== null) {
    addDetails(queue, details.value, { major: Number.parseInt(version, 10), add });
  }
  return findings;
}

function addDetails(
  queue: InspectedQueue,
  details: QueueDetails,
  rest: { readonly major: number; readonly add: Add },
): void {
  const { add } = rest;
  const different = queue.mustMatch ? differingArguments(queue.declared, details.arguments) : [];
  if (different.length > 0) {
    const show = (args: InspectedQueue['declared']): string =>
      different.map((one) => showArgument(args, one)).join(', ');
    add('rabbitmq-queue-arguments', show(details.arguments), show(queue.declared));
  }
  // What is wrong with the arguments was said; the rest is looked at as if they were right.
  const asDeclared =
    different.length > 0 ? { ...details, type: 'quorum', arguments: queue.declared } : details;
  const present = { queue, details: asDeclared, inForce: new InForce(asDeclared), ...rest };
  if (details.policy === null) {
    add('rabbitmq-policy-not-shown', 'the server has not looked at its policies yet', 'what policies set');
  }
  addDurability(present);
  addLimits(present);
  if (queue.purpose === 'work') addWork(present);
  else addCopies(present);
}

function addDurability({ details, add }: Present): void {
  const { isDurable, isAutoDelete, isExclusive } = details;
  const found = [
    ...(isDurable ? [] : ['not durable']),
    ...(isAutoDelete ? ['auto-delete'] : []),
    ...(isExclusive ? ['exclusive'] : []),
  ];
  if (found.length > 0) add('rabbitmq-not-durable', found.join(', '), 'durable');
}

/** By policy, too, which changes a queue that was declared well. */
function addLimits({ queue, details, inForce, add }: Present): void {
  const policies = details.policies.length === 0 ? '' : `; policies: ${details.policies.join(', ')}`;
  for (const name of ['max-length', 'max-length-bytes']) {
    const limit = inForce.limit(name);
    if (limit !== null) add('rabbitmq-length-limit', `${name}=${limit}${policies}`, `no ${name}`);
  }
  const expiresMs = inForce.limit('expires');
  if (expiresMs !== null) add('rabbitmq-expires', `expires=${showMs(expiresMs)}${policies}`, 'no expires');
  const ttlMs = inForce.limit('message-ttl');
  const wantedMs = queue.purpose === 'retry' ? queue.declared['x-message-ttl'] : null;
  if (ttlMs === null || ttlMs === wantedMs) return;
  const expected = typeof wantedMs === 'number' ? showMs(wantedMs) : 'no message-ttl';
  add('rabbitmq-message-ttl', `message-ttl=${showMs(ttlMs)}${policies}`, expected);
}

function addWork(present: Present): void {
  const { queue, details, inForce, add } = present;
  if (details.type === 'quorum') addDeliveryLimit(present);
  else add('rabbitmq-queue-classic', `a ${details.type} queue`, 'a quorum queue');
  addDeadLetters(present);
  const timeoutMs = inForce.limit('consumer-timeout');
  if (timeoutMs !== null && timeoutMs < queue.handlerTimeoutMs) {
    const expected = `more than timeoutMs, ${showMs(queue.handlerTimeoutMs)}`;
    add('rabbitmq-consumer-timeout', `consumer-timeout=${showMs(timeoutMs)}`, expected);
  }
  // One of ours is bound at the start.
  if (queue.isOurs || queue.exchange === null || details.boundTo.includes(queue.exchange)) return;
  const bound = details.boundTo.filter((one) => one !== '').join(', ') || 'nothing';
  add('rabbitmq-unbound', `bound to ${bound}`, `a binding to the exchange ${queue.exchange}`);
}

function addDeliveryLimit({ inForce, major, add }: Present): void {
  const limit = inForce.limit('delivery-limit');
  const expected = `at least ${DELIVERIES_MIN}`;
  if (limit === null) {
    // RabbitMQ 4 has one of its own.
    if (major < 4) add('rabbitmq-delivery-limit-none', 'no delivery limit', expected);
  } else if (limit < 0 && major >= 4) add('rabbitmq-delivery-limit-none', 'no delivery limit', expected);
  else if (limit < DELIVERIES_MIN) add('rabbitmq-delivery-limit-low', `delivery-limit=${limit}`, expected);
}

function addDeadLetters({ details, inForce, add }: Present): void {
  const exchange = inForce.text('dead-letter-exchange');
  if (exchange === null) {
    add(
      'rabbitmq-dead-letter-exchange-none',
      'no dead-letter exchange',
      'one that leads to the dead-letter queue',
    );
  } else if (details.hasDeadLetterExchange === false) {
    add('rabbitmq-dead-letter-exchange-missing', `no exchange ${exchange}`, 'an exchange of this name');
  }
}

/** Looking through a quorum queue counts as deliveries. */
function addCopies({ details, inForce, major, add }: Present): void {
  if (details.type !== 'quorum') return;
  const limit = inForce.limit('delivery-limit');
  if (limit === null ? major < 4 : limit >= LOOKS_MIN) return;
  const found = limit === null ? 'the limit of RabbitMQ 4, 20' : `delivery-limit=${limit}`;
  add('rabbitmq-copies-limit-low', found, 'delivery-limit=1000000000');
}
