import type { QueueInspection, QueuePermissions } from '../contract/inspection.js';
import type { Finding } from '../contract/setup-check.js';
import { finding } from './finding.js';

type Kind = keyof QueuePermissions;

const KINDS: readonly Kind[] = ['configure', 'write', 'read'];

/** RabbitMQ asks for the default exchange by this name. */
const DEFAULT_EXCHANGE = 'amq.default';

/** What a bus does in a virtual host; RabbitMQ's guide "Access Control" says what each operation needs. */
function neededOf({ exchanges, queues }: QueueInspection): Record<Kind, string[]> {
  const declared = queues.filter(({ mustMatch }) => mustMatch);
  const bound = declared.filter(({ purpose }) => purpose === 'work');
  const fed = new Set(bound.map(({ exchange }) => exchange));
  return {
    configure: [...exchanges.filter(({ isOurs }) => isOurs), ...declared].map(({ name }) => name),
    write: [
      ...exchanges.filter(({ consumers }) => consumers.length === 0).map(({ name }) => name),
      ...bound.map(({ name }) => name),
      ...(queues.length > 0 ? [DEFAULT_EXCHANGE] : []),
    ],
    read: [...exchanges.filter(({ name }) => fed.has(name)), ...queues].map(({ name }) => name),
  };
}

const showGranted = (granted: QueuePermissions, kind: Kind): string =>
  `${kind} is ${JSON.stringify(granted[kind])}`;

/** One finding for each kind of permission that does not reach far enough. */
export function permissionFindings(seen: QueueInspection, granted: QueuePermissions): Finding[] {
  const needed = neededOf(seen);
  const where = `rabbitmq: user ${seen.user}`;
  const unwritable = seen.exchanges
    .filter(({ name, consumers }) => consumers.length > 0 && !matcherOf(granted.write)(name))
    .map(({ name }) => name);
  // Nobody knows whether a service that consumes a topic publishes to it, too.
  const write = {
    where,
    found: showGranted(granted, 'write'),
    expected: `write on ${unwritable.join(', ')}`,
  };
  const missing = KINDS.flatMap((kind) => {
    const matches = matcherOf(granted[kind]);
    const names = [...new Set(needed[kind])].filter((name) => !matches(name));
    if (names.length === 0) return [];
    const expected = `${kind} on ${names.join(', ')}`;
    return [finding('rabbitmq-permission', { where, found: showGranted(granted, kind), expected })];
  });
  return [...missing, ...(unwritable.length === 0 ? [] : [finding('rabbitmq-write-permission', write)])];
}

/** An empty expression grants nothing. One that only Erlang understands is taken as granted. */
function matcherOf(expression: string): (name: string) => boolean {
  if (expression === '') return () => false;
  try {
    const pattern = new RegExp(expression);
    return (name) => pattern.test(name);
  } catch {
    return () => true;
  }
}
