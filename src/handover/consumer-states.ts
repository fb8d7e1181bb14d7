/** Life of a consumer. */
export type ConsumerState =
  | 'idle'
  | 'starting'
  | 'live'
  | 'paused'
  | 'moving'
  | 'recovering'
  | 'failed'
  | 'stopped';

/** From which state which may follow. `recovering`: its broker is away, it starts by itself when that is back. `live` and `paused` start anew when they gave back what they held. */
export const CONSUMER_TRANSITIONS: Readonly<Record<ConsumerState, readonly ConsumerState[]>> = {
  idle: ['starting', 'recovering', 'stopped'],
  starting: ['live', 'paused', 'failed', 'stopped'],
  live: ['starting', 'paused', 'moving', 'stopped'],
  paused: ['starting', 'live', 'moving', 'stopped'],
  moving: ['live', 'paused', 'stopped'],
  recovering: ['starting', 'stopped'],
  failed: ['starting', 'recovering', 'stopped'],
  stopped: ['starting', 'recovering'],
};

/** True if the change is one of the table. */
export const mayFollow = (from: ConsumerState, to: ConsumerState): boolean =>
  CONSUMER_TRANSITIONS[from].includes(to);
