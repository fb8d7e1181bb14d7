import type { HandlerContext } from '../../index.js';

type Session = HandlerContext['session'];

/** That a user is to be welcomed. */
export interface Welcome {
  readonly user: string;
  readonly email: string;
}

/** Where registrations leave their traces. Every write may be repeated. */
export interface UserRegistrationStore {
  prepare(): Promise<void>;
  /** Once per user, whatever address a repeat has. */
  addWelcome(welcome: Welcome, session?: Session): Promise<void>;
  /** Counts a user once per day (`2026-11-25`). */
  addToDay(day: string, user: string, session?: Session): Promise<void>;
  findWelcome(user: string): Promise<Welcome | null>;
  /** How many registered on a day. */
  countOf(day: string): Promise<number>;
}

/** Ends with the process. */
export function memoryUserRegistrationStore(): UserRegistrationStore {
  const welcomes = new Map<string, Welcome>();
  const days = new Map<string, Set<string>>();
  return {
    prepare: async () => undefined,
    addWelcome: async (welcome) => {
      if (!welcomes.has(welcome.user)) welcomes.set(welcome.user, welcome);
    },
    addToDay: async (day, user) => {
      days.set(day, (days.get(day) ?? new Set()).add(user));
    },
    findWelcome: async (user) => welcomes.get(user) ?? null,
    countOf: async (day) => days.get(day)?.size ?? 0,
  };
}
