import type { BrokerPort } from '../contract/broker.js';
import type { Clock, Timer } from '../contract/clock.js';
import { BuscouplerError, describeError } from '../contract/errors.js';
import type { EmitEvent } from '../contract/events.js';
import type { BrokerName } from '../contract/message.js';
import { wait } from '../delivery/backoff.js';
import type { RoutePlan } from './route.js';

/** Pause between tries to reach a broker that the bus started without, ms. */
const LATER_MS = 1_000;

/** How long after the deadline a broker may still say why it did not come up, ms. */
const GIVE_UP_MS = 500;

/** What starting the brokers needs. */
export interface ConnectingOptions {
  readonly ports: ReadonlyMap<BrokerName, BrokerPort>;
  /** Connects one broker and creates its places. */
  readonly open: (port: BrokerPort, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly timeoutMs: number;
  /** Aborted by `close`. */
  readonly closing: AbortSignal;
}

type Attempt = { readonly broker: BrokerName; readonly error: BuscouplerError | null };

/** Brokers without which a route cannot keep its promise; `up` are those that are connected. */
export function missingBrokers(
  plans: readonly RoutePlan[],
  isUp: (broker: BrokerName) => boolean,
): ReadonlySet<BrokerName> {
  const missing = new Set<BrokerName>();
  for (const { policy, brokers, primary } of plans) {
    const needed =
      policy === 'all' ? brokers : policy === 'primary' ? [primary] : brokers.some(isUp) ? [] : brokers;
    for (const broker of needed) if (!isUp(broker)) missing.add(broker);
  }
  return missing;
}

async function tryOpen(port: BrokerPort, options: ConnectingOptions, signal: AbortSignal): Promise<Attempt> {
  try {
    await untilAborted(options.open(port, signal), { port, signal, clock: options.clock });
    return { broker: port.name, error: null };
  } catch (error) {
    return { broker: port.name, error: asBusError(port.name, error) };
  }
}

/** Opening ends soon after the abort, with its own error if it has one by then. */
function untilAborted(
  opening: Promise<void>,
  { port, signal, clock }: { port: BrokerPort; signal: AbortSignal; clock: Clock },
): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: Timer | null = null;
    const giveUp = (): void => {
      const error = new BuscouplerError('BC_BROKER_UNAVAILABLE', `${port.name} did not answer.`);
      timer = clock.schedule(() => reject(error), GIVE_UP_MS, { keepAlive: true });
    };
    const end = (): void => {
      signal.removeEventListener('abort', giveUp);
      timer?.cancel();
    };
    opening.finally(end).then(resolve, reject);
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  });
}

function asBusError(broker: BrokerName, error: unknown): BuscouplerError {
  if (error instanceof BuscouplerError) return error;
  return new BuscouplerError(
    'BC_BROKER_UNAVAILABLE',
    `${broker} could not be set up (${describeError(error)}).`,
    {
      cause: error,
    },
  );
}

/**
 * Opens every broker in parallel until the deadline. Returns why those that did not come up are away; the caller
 * decides whether it can do without them.
 */
export async function openBrokers(
  options: ConnectingOptions,
): Promise<ReadonlyMap<BrokerName, BuscouplerError>> {
  const over = new AbortController();
  const stop = (): void => over.abort();
  const timer = options.clock.schedule(stop, options.timeoutMs, { keepAlive: true });
  if (options.closing.aborted) stop();
  options.closing.addEventListener('abort', stop);
  const attempts = await Promise.all(
    [...options.ports.values()].map((port) => tryOpen(port, options, over.signal)),
  );
  timer.cancel();
  options.closing.removeEventListener('abort', stop);
  return new Map(attempts.flatMap(({ broker, error }) => (error === null ? [] : [[broker, error] as const])));
}

/** Goes on trying to open a broker that the bus started without, until it is up or the bus closes. */
export async function openLater(
  port: BrokerPort,
  options: ConnectingOptions,
  onUp: () => void,
): Promise<void> {
  while (!options.closing.aborted) {
    const { error } = await tryOpen(port, options, options.closing);
    if (error === null) return onUp();
    if (options.closing.aborted) return;
    if (!error.retriable) options.emit('broker-degraded', { broker: port.name, error });
    await wait(options.clock, LATER_MS, options.closing);
  }
}
