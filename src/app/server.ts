import type { FastifyInstance } from 'fastify';
import type { MessageBus } from '../index.js';
import type { ServerModule } from '../modules/server-module.js';
import { listen } from './http/listen.js';
import type { AppSettings } from './settings.js';
import { within } from './within.js';

/** Of the time to shut down: what requests get before the bus begins to close, which then settles them. */
const SHARE_OF_REQUESTS = 0.5;

/** How long answers may take to leave once all is settled, ms. */
const ANSWERS_MS = 500;

/** What the server is made of. */
export interface ServerParts {
  readonly settings: AppSettings;
  readonly bus: MessageBus;
  readonly http: FastifyInstance;
  readonly modules: readonly ServerModule<unknown>[];
  /** Work beside the bus, as the sweeping of what expired. */
  readonly jobs: readonly { start(): void; stop(): Promise<void> }[];
  /** Told the address of the API as soon as it listens. */
  readonly onListen: (address: string) => void;
  /** Closes the stores; the last thing that is done. */
  readonly closeStores: () => Promise<void>;
}

/** What had to be given up at the deadline. */
export interface ShutdownReport {
  /** Publishes that were rejected; their callers were told. */
  readonly publishes: number;
  /** Messages that were not settled; their broker delivers them again. */
  readonly deliveries: number;
}

/** The server's life: started once, closed once, also in the middle of a start. */
export class Server {
  readonly #parts: ServerParts;
  #closing: Promise<ShutdownReport> | null = null;

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  get isClosing(): boolean {
    return this.#closing !== null;
  }

  /**
   * Listens first, so that a taken port is known before anything is connected and readiness tells of the start; then the
   * stores, the bus, the jobs. Resolves when all of it works. Rejects with what failed; `close` is the caller's.
   */
  async start(): Promise<void> {
    const { settings, bus, http, modules, jobs, onListen } = this.#parts;
    onListen(await listen(http, settings.http));
    for (const module of modules) await module.prepare();
    await bus.start();
    if (this.#closing === null) for (const job of jobs) job.start();
  }

  /**
   * Stops taking requests, lets those that were taken finish, drains the bus, closes the stores. What is not finished
   * within the time for it is given up and reported. Shares the pending promise.
   */
  close(): Promise<ShutdownReport> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<ShutdownReport> {
    const { settings, bus, http, jobs, closeStores } = this.#parts;
    const begunMs = performance.now();
    const stopped = http.close();
    await within(stopped, settings.shutdownTimeoutMs * SHARE_OF_REQUESTS);
    const passedMs = performance.now() - begunMs;
    const deadlineMs = Math.max(1, Math.round(settings.shutdownTimeoutMs - passedMs));
    const report = await bus.close({ deadlineMs });
    // Publishes are settled now, so every request gets its answer but those whose sender never ends.
    await within(stopped, ANSWERS_MS);
    for (const job of jobs) await job.stop();
    await closeStores();
    return report;
  }
}
