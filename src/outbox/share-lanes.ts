import type { BrokerName } from '../contract/message.js';
import {
  type LaneLease,
  OUTBOX_LANES,
  type OutboxLane,
  type RelayBoard,
  type RelayPresence,
} from '../contract/outbox.js';

/** What a relay does about its lanes next. */
export interface LanePlan {
  readonly take: readonly LaneLease[];
  readonly release: readonly OutboxLane[];
}

/** What the plan is made from. */
export interface LaneView {
  readonly board: RelayBoard;
  /** Of the relay that plans. */
  readonly token: string;
  readonly broker: BrokerName;
  /** True if whoever holds or wrote this was not heard of for a full lease. */
  readonly isStale: (sign: LaneLease | RelayPresence) => boolean;
}

/**
 * Every relay that can reach the broker gets an equal share of its lanes: one that has too many gives some back, one that
 * has too few takes free ones and those of the dead. Nobody takes from the living.
 */
export function planLanes({ board, token, broker, isStale }: LaneView): LanePlan {
  const leases = board.leases.filter((lease) => lease.broker === broker);
  const others = board.relays.filter(
    (relay) => relay.token !== token && relay.brokers.includes(broker) && !isStale(relay),
  );
  const share = Math.ceil(OUTBOX_LANES / (others.length + 1));
  const mine = leases.filter((lease) => lease.token === token);
  const free = leases.filter((lease) => lease.token === null || (lease.token !== token && isStale(lease)));
  return { take: free.slice(0, Math.max(0, share - mine.length)), release: mine.slice(share) };
}
