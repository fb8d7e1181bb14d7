import { FIND, type FoundServer, OFFERS, type ServerAddresses, type ServerName } from './find-servers.js';
import { whyNotHere } from './in-first-place.js';
import { ServerUnavailableError } from './server-unavailable.js';

/** Why a server is not there, and what makes it so. */
export interface Missing {
  readonly reason: string;
  readonly cure: string;
}

/** What the test files of one run are told. */
export interface SharedServers {
  /** The servers that all files share. */
  readonly shared: { readonly [Name in SharedName]: ServerAddresses[Name] | Missing };
  /** The kinds of server of which a suite cannot start one of its own. */
  readonly cannotStart: Partial<Record<ServerName, Missing>>;
}

/** Started once per run; every other server belongs to the suite that starts it. */
export const SHARED_NAMES = ['kafka', 'rabbitmq-3.10', 'rabbitmq-4.0'] as const;
export type SharedName = (typeof SHARED_NAMES)[number];

/** The environment variable through which a run's test files learn it, as JSON. */
export const SHARED_SERVERS_VARIABLE = 'BUSCOUPLER_TEST_SERVERS';

/** Finds or starts the shared servers, side by side; a server that is impossible here is described, not thrown. */
export async function openSharedServers(): Promise<{ servers: SharedServers; close: () => Promise<void> }> {
  const outcomes = await Promise.allSettled(SHARED_NAMES.map((name) => findOrExplain(name)));
  const found = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const close = async (): Promise<void> => {
    await Promise.all(found.map(({ server }) => 'dispose' in server && server.dispose()));
  };
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) {
    await close();
    throw failed.reason;
  }
  const shared = Object.fromEntries(
    found.map(({ name, server }) => [name, 'address' in server ? server.address : server]),
  ) as SharedServers['shared'];
  return { servers: { shared, cannotStart: await impossibleHere() }, close };
}

async function findOrExplain(
  name: SharedName,
): Promise<{ name: SharedName; server: FoundServer<SharedName> | Missing }> {
  try {
    return { name, server: await FIND[name]() };
  } catch (error) {
    if (!(error instanceof ServerUnavailableError)) throw error;
    return { name, server: { reason: error.reason, cure: error.cure } };
  }
}

async function impossibleHere(): Promise<SharedServers['cannotStart']> {
  const missing: Partial<Record<ServerName, Missing>> = {};
  for (const name of Object.keys(OFFERS) as ServerName[]) {
    const reason = await whyNotHere(OFFERS[name]);
    if (reason) missing[name] = reason;
  }
  return missing;
}
