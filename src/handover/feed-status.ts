import type { LegStatus } from '../contract/broker.js';
import type { BrokerName } from '../contract/message.js';
import type { ConsumerHealth } from '../contract/message-bus.js';
import type { Pipeline } from '../delivery/pipeline.js';
import type { ConsumerState } from './consumer-states.js';

/** What the status of a consumer is read from. */
export interface FeedFacts {
  readonly state: ConsumerState;
  /** Why it is in this state, if there is more to say. */
  readonly reason: string | undefined;
  /** The broker that feeds it. */
  readonly broker: BrokerName;
  readonly legs: ConsumerHealth['legs'];
  readonly pipeline: Pick<Pipeline, 'inFlight' | 'trouble'>;
}

/** The status of a consumer: a live one is as well as its leg and its pipeline are. */
export function statusOf({ state, reason, broker, legs, pipeline }: FeedFacts): ConsumerHealth {
  const own = legs[broker];
  const shown = reason ?? pipeline.trouble ?? own?.reason;
  return {
    state: state === 'live' ? liveState(own, pipeline.trouble) : state,
    broker,
    inFlight: pipeline.inFlight,
    legs,
    ...(shown === undefined ? {} : { reason: shown }),
  };
}

function liveState(own: LegStatus | undefined, trouble: string | null): ConsumerHealth['state'] {
  if (own?.state === 'recovering' || own?.state === 'failed') return own.state;
  return trouble === null ? 'live' : 'recovering';
}
