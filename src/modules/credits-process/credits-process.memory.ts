import {
  BALANCE_MAX,
  type Balance,
  BalanceTooHighError,
  type CreditsStore,
  type Deadlines,
  type RequestState,
  type RequestStep,
} from './credits-process.store.js';

type Account = { -readonly [Field in keyof Balance]: Balance[Field] };

interface Request {
  state: RequestState;
  reserved: number;
  deadlines: Deadlines;
  endCost: number | null;
}

const EXPIRE_MAX = 1_000;
const NEVER: Deadlines = { expiresAtMs: Number.POSITIVE_INFINITY, forgetAtMs: Number.POSITIVE_INFINITY };

/** Ends with the process; for embedded brokers and tests. Each operation is one step, so nothing comes between. */
export function memoryCreditsStore(): CreditsStore {
  const accounts = new Map<string, Account>();
  const topUps = new Set<string>();
  const requests = new Map<string, Request & { readonly user: string }>();

  const accountOf = (user: string): Account => {
    const present = accounts.get(user);
    if (present !== undefined) return present;
    const fresh = { user, available: 0, reserved: 0, spent: 0, owed: 0 };
    accounts.set(user, fresh);
    return fresh;
  };
  const keyOf = (user: string, request: string): string => JSON.stringify([user, request]);
  const requestOf = ({ user, request }: RequestStep): Request => {
    const key = keyOf(user, request);
    const present = requests.get(key);
    if (present !== undefined) return present;
    const fresh = { user, state: 'parked' as const, reserved: 0, deadlines: NEVER, endCost: null };
    requests.set(key, fresh);
    return fresh;
  };
  const settle = (user: string, request: Request, cost: number): void => {
    const account = accountOf(user);
    const paid = Math.min(cost, account.available + request.reserved);
    account.available += request.reserved - paid;
    account.reserved -= request.reserved;
    account.spent += paid;
    account.owed += cost - paid;
    request.state = 'settled';
  };

  return {
    prepare: async () => undefined,
    start: async (step, deadlines) => {
      const isFirst = !requests.has(keyOf(step.user, step.request));
      const request = requestOf(step);
      if (!isFirst && request.state !== 'parked') return request.state;
      const account = accountOf(step.user);
      if (account.available < step.cost) {
        request.state = 'refused';
        return 'refused';
      }
      account.available -= step.cost;
      account.reserved += step.cost;
      Object.assign(request, { state: 'reserved', reserved: step.cost, deadlines });
      if (request.endCost !== null) settle(step.user, request, request.endCost);
      return request.state;
    },
    end: async (step) => {
      const request = requestOf(step);
      request.endCost ??= step.cost;
      if (request.state === 'reserved' || request.state === 'expired')
        settle(step.user, request, request.endCost);
      return request.state;
    },
    topUp: async ({ id, user, amount }) => {
      const account = accountOf(user);
      if (!topUps.has(id)) {
        if (account.available + amount > BALANCE_MAX)
          throw new BalanceTooHighError(`The balance of ${user} would exceed ${BALANCE_MAX}.`);
        account.available += amount;
        topUps.add(id);
      }
      return { ...account };
    },
    balanceOf: async (user) => ({ ...accountOf(user) }),
    stateOf: async (user, request) => requests.get(keyOf(user, request))?.state ?? null,
    expire: async (nowMs) => {
      let moved = 0;
      for (const request of requests.values()) {
        if (moved === EXPIRE_MAX) break;
        if (request.state === 'reserved' && request.deadlines.expiresAtMs <= nowMs) {
          const account = accountOf(request.user);
          account.available += request.reserved;
          account.reserved -= request.reserved;
          Object.assign(request, { state: 'expired', reserved: 0 });
          moved += 1;
        } else if (request.state === 'expired' && request.deadlines.forgetAtMs <= nowMs) {
          request.state = 'abandoned';
          moved += 1;
        }
      }
      return moved;
    },
  };
}
