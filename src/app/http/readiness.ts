import type { Health } from '../../index.js';

/** A part that does not do its work, and why as far as it is known. */
export interface UnreadyPart {
  readonly part: string;
  readonly state: string;
  readonly reason?: string;
}

/** Whether requests can be served now, and if not which parts are in the way. */
export interface Readiness {
  readonly isReady: boolean;
  /** Life of the bus. */
  readonly state: Health['state'];
  readonly parts: readonly UnreadyPart[];
}

/** States in which a consumer does what it shall do. */
const WORKING: readonly string[] = ['idle', 'live', 'paused', 'moving', 'starting', 'stopped'];

/** What keeps the server from being ready: the bus in another state, a broker, a consumer, the relay, MongoDB, a shutdown. Pure. */
export function readinessOf(health: Health, store: UnreadyPart | null, isClosing: boolean): Readiness {
  const { state, brokers, consumers, outbox } = health;
  const parts = [
    ...Object.entries(brokers).flatMap(([name, broker]) =>
      broker.state === 'up' ? [] : [partOf(`broker ${name}`, broker)],
    ),
    ...Object.entries(consumers).flatMap(([name, consumer]) =>
      WORKING.includes(consumer.state) ? [] : [partOf(`consumer ${name}`, consumer)],
    ),
    ...(outbox?.state === 'away' || outbox?.state === 'lagging' ? [partOf('outbox', outbox)] : []),
    ...(store === null ? [] : [store]),
  ];
  const isReady = state === 'started' && health.ok && store === null && !isClosing;
  return { isReady, state: isClosing && state === 'started' ? 'closing' : state, parts };
}

const partOf = (
  part: string,
  { state, reason }: { readonly state: string; readonly reason?: string },
): UnreadyPart => ({ part, state, ...(reason === undefined ? {} : { reason }) });
