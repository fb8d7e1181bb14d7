import type { ServerProcess } from './server-process.js';

/** What a place needs to know to run one server; the paths in its files are relative to its working directory. */
export interface ServerPlan {
  /** Unique among the servers of one call: `kafka-2`. */
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  /** Shell script that becomes the server. */
  readonly start: string;
  /** Shell script that becomes the tool named by its arguments. */
  readonly tool: string;
  /** The ports on which it listens; in a container they have the same numbers as outside. */
  readonly ports: readonly number[];
}

/** Where servers run: in containers or on this machine. */
export interface Place {
  readonly kind: 'docker' | 'local';
  /** The address on which a server listens. */
  readonly bindHost: string;
  /** The name by which the servers of one call reach each other. */
  hostOf(plan: string): string;
  /** Prepares a server without starting it. */
  prepare(plan: ServerPlan): Promise<ServerProcess>;
  /** Removes what the servers shared, after they were disposed of. */
  dispose(): Promise<void>;
}

/** The places in which a kind of server may run. */
export interface Offer {
  /** The container image. */
  readonly image: string;
  /** Why it cannot run on this machine, or undefined when it can. */
  readonly missing: () => string | undefined;
}
