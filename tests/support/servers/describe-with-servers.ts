import { describe, test } from '@jest/globals';
import type { ServerAddresses, ServerName } from './find-servers.js';
import {
  type Missing,
  SHARED_SERVERS_VARIABLE,
  type SharedName,
  type SharedServers,
} from './shared-servers.js';

/** The servers that a suite cannot do without. */
export interface NeededServers<Name extends SharedName> {
  /** Those of the run, shared with the other suites: never stop them, name everything uniquely. */
  readonly shared?: readonly Name[];
  /** Those of which the suite starts one of its own, to kill, freeze or configure it. */
  readonly own?: readonly ServerName[];
}

/**
 * Describes a suite that needs real servers and hands it their addresses. Where one is impossible the suite is
 * skipped with the reason and the cure in its title; with `CI=true` it fails instead.
 */
export function describeWithServers<Name extends SharedName>(
  title: string,
  needed: NeededServers<Name>,
  body: (addresses: Pick<ServerAddresses, Name>) => void,
): void {
  const { shared, cannotStart } = sharedServers();
  const wanted = [
    ...(needed.shared ?? []).map((name) => [name, shared[name]] as const),
    ...(needed.own ?? []).map((name) => [name, cannotStart[name]] as const),
  ];
  const missing = wanted.find(([, server]) => server && isMissing(server));
  if (!missing) {
    describe(title, () => body(shared as unknown as Pick<ServerAddresses, Name>));
    return;
  }
  const [name, why] = missing as [ServerName, Missing];
  if (process.env.CI === 'true') {
    describe(title, () => {
      test(`needs ${name}`, () => {
        throw new Error(`${name} is required when CI=true: ${why.reason}; ${why.cure}`);
      });
    });
  } else {
    describe(title, () => {
      test.skip(`needs ${name}: ${why.reason}; ${why.cure}`, () => {});
    });
  }
}

function isMissing(server: object): server is Missing {
  return 'cure' in server;
}

function sharedServers(): SharedServers {
  const told = process.env[SHARED_SERVERS_VARIABLE];
  if (!told)
    throw new Error('suites with real servers belong to the jest project whose global set-up starts them');
  return JSON.parse(told);
}
