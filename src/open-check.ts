import { asBusError, type Bounds, within } from './bounded.js';
import { type CreateBusOptions, type Wiring, wire } from './container.js';
import type { BrokerPort, Topology } from './contract/broker.js';
import { wantsTransaction } from './contract/define-consumer.js';
import type { BuscouplerError } from './contract/errors.js';
import { type Inspection, lookAt } from './contract/inspection.js';
import type { BrokerName } from './contract/message.js';
import type { Finding, SetupReport } from './contract/setup-check.js';
import { createLogger } from './observability/create-logger.js';
import type { CheckContext } from './preflight/check-context.js';
import { connectionFinding } from './preflight/connection-rules.js';
import { finding, reportOf, whatOf } from './preflight/finding.js';
import { type InboxLook, inboxFindings } from './preflight/inbox-rules.js';
import { judge } from './preflight/judge.js';
import type { RoutePlan } from './routing/route.js';

/** How the set-up is checked. */
export interface CheckSetupOptions {
  /** Longest time for each broker, ms. Default 15,000. */
  readonly timeoutMs?: number;
  /** Ends the check: what was not seen by then counts as unreachable. */
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 15_000;
const CLOSE_DEADLINE_MS = 1_000;

/** Everything that the bus would provide on one broker. */
function topologyOf(broker: BrokerName, { routes, consumers }: Wiring): Topology {
  const isHere = ({ brokers }: RoutePlan): boolean => brokers.includes(broker);
  return {
    topics: routes.plans().flatMap((plan) => (isHere(plan) && plan.topic.isDefined ? [plan.topic] : [])),
    consumers: consumers.definitions().filter(({ topic }) => isHere(routes.planOf(topic))),
  };
}

function contextOf({ config, inbox }: CreateBusOptions): CheckContext {
  return {
    inbox: inbox ?? null,
    maxMessageAgeMs: config.maxMessageAgeMs,
    maxReplayAgeMs: config.deadLetters.maxReplayAgeMs,
    hasTwoBrokers: config.enabled.length > 1,
  };
}

async function inspect(port: BrokerPort, topology: Topology, signal: AbortSignal): Promise<Inspection> {
  await port.connect(signal);
  return port.inspect(topology);
}

async function checkBroker(
  port: BrokerPort,
  wiring: Wiring,
  { context, ...bounds }: Bounds & { readonly context: CheckContext },
): Promise<Finding[]> {
  const topology = topologyOf(port.name, wiring);
  try {
    const seen = await within(bounds, (signal) => inspect(port, topology, signal));
    return judge(port.name, seen, context);
  } catch (thrown) {
    return [connectionFinding(port.name, asBusError(thrown))];
  } finally {
    await port.close({ deadlineMs: CLOSE_DEADLINE_MS });
  }
}

/** Looks at the store of the inbox, which is not started: that would make collections and indexes. */
async function lookAtInbox(
  { inbox }: CreateBusOptions,
  { consumers }: Wiring,
  bounds: Bounds,
): Promise<InboxLook> {
  const { inspect, transactions } = inbox ?? {};
  if (inspect === undefined) return { store: null, transactions: [] };
  const store = await lookAt(() => within(bounds, () => inspect.call(inbox)), asBusError);
  const wanting = consumers.definitions().filter(wantsTransaction);
  const isSeen = store.status === 'seen' && transactions !== undefined;
  const looks = (isSeen ? wanting : []).map(async ({ name, timeoutMs }) => {
    const ask = async (): Promise<true> => {
      await within(bounds, async () => transactions?.prepare(name, timeoutMs));
      return true;
    };
    return { consumer: name, look: await lookAt(ask, asBusError) };
  });
  return { store, transactions: await Promise.all(looks) };
}

/**
 * Looks at everything that a bus of these options needs, side by side on all brokers and in the store of the inbox: reachable
 * or not, permissions, places and their settings, the server's own. Changes nothing, joins no group, takes no message and
 * starts no inbox. What is wrong is a finding, bad definitions too; it does not reject.
 */
export async function checkSetup(
  options: CreateBusOptions,
  { timeoutMs = TIMEOUT_MS, signal }: CheckSetupOptions = {},
): Promise<SetupReport> {
  const context = contextOf(options);
  const warnings = options.config.warnings.map((found) =>
    finding('config-warning', { where: 'configuration', found, expected: 'no warning' }),
  );
  let wiring: Wiring;
  try {
    // Its own logger would tell the same as the findings.
    wiring = wire({ ...options, logger: createLogger({ level: 'silent' }) });
  } catch (thrown) {
    return reportOf([refusal(asBusError(thrown)), ...warnings]);
  }
  const ports = [...wiring.ports.values()];
  const bounds = { clock: wiring.clock, timeoutMs, signal };
  const [inbox, ...findings] = await Promise.all([
    lookAtInbox(options, wiring, bounds),
    ...ports.map((port) => checkBroker(port, wiring, { context, ...bounds })),
  ]);
  return reportOf([...findings.flat(), ...inboxFindings(context, inbox), ...warnings]);
}

const refusal = (error: BuscouplerError): Finding =>
  finding(error.code === 'BC_NAME_INVALID' ? 'name-invalid' : 'config-refused', {
    where: 'configuration',
    found: whatOf(error),
    expected: 'definitions that the bus accepts',
  });
