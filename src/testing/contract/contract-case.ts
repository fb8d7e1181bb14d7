import type { BrokerProfile, ContractRig, ContractSetup } from './contract-rig.js';

/** Why a set-up cannot have a case; `null`: it can. */
export type Need = (brokers: readonly BrokerProfile[]) => string | null;

/** One promise of the contract, as data: any test runner can run it. */
export interface ContractCase {
  /** As `C01`; stable. */
  readonly id: string;
  /** The behaviour, in the present tense. */
  readonly title: string;
  /** What a set-up must have; all of it. */
  readonly needs?: readonly Need[];
  /** How long it may take, ms. Default 30,000. */
  readonly timeoutMs?: number;
  /** Rejects when the promise is broken. */
  run(rig: ContractRig): Promise<void>;
}

/** Longest run of a case that does not say otherwise, ms. */
export const CASE_TIMEOUT_MS = 30_000;

/** Why a set-up cannot have this case, to be printed; `null`: it is run. */
export function skipReason(one: ContractCase, setup: Pick<ContractSetup, 'brokers'>): string | null {
  for (const need of one.needs ?? []) {
    const reason = need(setup.brokers);
    if (reason !== null) return reason;
  }
  return null;
}

/** Runs one case on a rig of its own, which is closed whatever happens. */
export async function runCase(one: ContractCase, setup: ContractSetup): Promise<void> {
  const rig = await setup.open();
  try {
    await one.run(rig);
  } catch (error) {
    throw withTrouble(error, rig.trouble());
  } finally {
    await rig.close();
  }
}

/** The same error, with what the buses told before it. */
function withTrouble(error: unknown, trouble: readonly string[]): unknown {
  if (error instanceof Error && trouble.length > 0)
    error.message += `\n\nTold before:\n${trouble.join('\n')}`;
  return error;
}
