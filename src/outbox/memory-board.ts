import { BROKER_NAMES } from '../contract/message.js';
import {
  type LaneLease,
  OUTBOX_LANES,
  type Outbox,
  type OutboxLane,
  type RelayPresence,
} from '../contract/outbox.js';

const nameOf = ({ broker, lane }: OutboxLane): string => `${broker}:${lane}`;

/** Leases and relays of a memory outbox. */
export function memoryBoard(): Pick<Outbox, 'renew' | 'take' | 'release'> {
  const leases = new Map<string, LaneLease>();
  const relays = new Map<string, RelayPresence>();
  for (const broker of BROKER_NAMES) {
    for (let lane = 0; lane < OUTBOX_LANES; lane += 1) {
      leases.set(nameOf({ broker, lane }), { broker, lane, token: null, renewals: 0 });
    }
  }
  const change = (lease: LaneLease, token: string | null): void => {
    leases.set(nameOf(lease), { ...lease, token, renewals: lease.renewals + 1 });
  };

  return {
    renew({ token, brokers }) {
      for (const lease of leases.values()) if (lease.token === token) change(lease, token);
      relays.set(token, { token, brokers, renewals: (relays.get(token)?.renewals ?? 0) + 1 });
      return { leases: [...leases.values()], relays: [...relays.values()] };
    },
    take(token, seen) {
      for (const one of seen) {
        const lease = leases.get(nameOf(one));
        if (lease?.token === one.token && lease.renewals === one.renewals) change(lease, token);
      }
    },
    release(token, lanes, isLeaving = false) {
      for (const one of lanes) {
        const lease = leases.get(nameOf(one));
        if (lease?.token === token) change(lease, null);
      }
      if (isLeaving) relays.delete(token);
    },
  };
}
