import type { Clock } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import {
  type ExchangeDetails,
  type InspectedNode,
  lookAt,
  type ManagementFacts,
  type PlaceArguments,
  type QueueDetails,
  type QueuePermissions,
} from '../../contract/inspection.js';
import { requestError } from './errors.js';
import type { Management } from './management.js';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const fields = (value: unknown): Fields => (isFields(value) ? value : {});

const list = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isFields) : []);

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];

const isSet = (value: unknown): value is string => typeof value === 'string' && value !== '';

const missing = (what: string): BuscouplerError =>
  new BuscouplerError('BC_PLACE_MISSING', `${what} is not there.`);

/** What the server says of a queue. Rejects with BC_PLACE_MISSING too. */
export async function queueDetails(management: Management, name: string): Promise<QueueDetails> {
  const { vhost } = management;
  const [queue, bindings] = await Promise.all([
    management.get('queues', vhost, name),
    management.get('queues', vhost, name, 'bindings'),
  ]);
  if (queue === null) throw missing(`The queue "${name}"`);
  const said = fields(queue.body);
  const args = fields(said.arguments);
  const effective = said.effective_policy_definition;
  // Without any policy it is an empty object; before the server looked, it is not there.
  const policy = effective === undefined ? null : fields(effective);
  return {
    type: text(said.type) || text(args['x-queue-type']) || 'classic',
    isDurable: said.durable === true,
    isAutoDelete: said.auto_delete === true,
    isExclusive: said.exclusive === true,
    arguments: args,
    policies: [said.policy, said.operator_policy].filter(isSet),
    policy,
    boundTo: list(bindings?.body).map(({ source }) => text(source)),
    hasDeadLetterExchange: await hasDeadLetterExchange(management, args, policy ?? {}),
  };
}

/** An argument wins over the policy. */
async function hasDeadLetterExchange(
  management: Management,
  args: PlaceArguments,
  policy: PlaceArguments,
): Promise<boolean | null> {
  const exchange = args['x-dead-letter-exchange'] ?? policy['dead-letter-exchange'];
  if (!isSet(exchange)) return null;
  return (await management.get('exchanges', management.vhost, exchange)) !== null;
}

/** What the server says of an exchange. Rejects with BC_PLACE_MISSING too. */
export async function exchangeDetails(management: Management, name: string): Promise<ExchangeDetails> {
  const exchange = await management.get('exchanges', management.vhost, name);
  if (exchange === null) throw missing(`The exchange "${name}"`);
  const said = fields(exchange.body);
  const policy = await policyDefinition(management, text(said.policy));
  const alternate = fields(said.arguments)['alternate-exchange'] ?? policy['alternate-exchange'];
  return {
    type: text(said.type),
    isDurable: said.durable === true,
    alternate: isSet(alternate) ? alternate : null,
  };
}

/** The API tells of an exchange the name of its policy only. */
async function policyDefinition(management: Management, name: string): Promise<Fields> {
  if (name === '') return {};
  const policy = await management.get('policies', management.vhost, name);
  return fields(fields(policy?.body).definition);
}

/**
 * What the server says of itself and of the user of the AMQP connection. Rejects if it does not know who asks; what only
 * users with more tags may see is unknown.
 */
export async function managementFacts(
  management: Management,
  user: string,
  clock: Clock,
): Promise<ManagementFacts> {
  const answer = await management.get('whoami');
  const aheadMs = answer?.answeredAtMs == null ? null : answer.answeredAtMs - clock.epochMs();
  return {
    nodes: await lookAt(() => nodesOf(management), asking('nodes')),
    permissions: await lookAt(() => permissionsOf(management, user), asking(`permissions of "${user}"`)),
    clockAheadMs: aheadMs,
  };
}

const asking = (what: string) => (thrown: unknown) => requestError(thrown, `Asking for the ${what}`);

async function nodesOf(management: Management): Promise<InspectedNode[]> {
  return list((await management.get('nodes'))?.body).map((node) => ({
    name: text(node.name),
    isRunning: node.running === true,
    hasMemoryAlarm: node.mem_alarm === true,
    hasDiskAlarm: node.disk_free_alarm === true,
    partitions: texts(node.partitions),
  }));
}

const NOTHING: QueuePermissions = { configure: '', write: '', read: '' };

async function permissionsOf(management: Management, user: string): Promise<QueuePermissions> {
  const answer = await management.get('users', user, 'permissions');
  const here = list(answer?.body).find(({ vhost }) => vhost === management.vhost);
  if (here === undefined) return NOTHING;
  return { configure: text(here.configure), write: text(here.write), read: text(here.read) };
}
