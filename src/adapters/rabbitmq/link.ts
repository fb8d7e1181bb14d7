import type { Clock, Random } from '../../contract/clock.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { EmitEvent } from '../../contract/events.js';
import type { RabbitmqSettings } from '../../contract/settings.js';
import { backoffDelayMs, wait } from '../../delivery/backoff.js';
import { type Address, parseAddress } from './address.js';
import { dial } from './dial.js';
import { dialError, hangUpError, isFatalDialError, isHangUp } from './errors.js';
import type { Loss, OpenConnection } from './open-connection.js';

/** Delays between rounds over all servers: quick at first, so that a restart is hardly felt; never a storm. */
const BACKOFF = { initialMs: 100, factor: 2, maxMs: 10_000, jitter: 0.5 };

/** Hang-ups in a row, at the first connect, after which the port is taken for one of another protocol. */
const HANG_UPS_MAX = 3;

/** What every part of the adapter is given. */
export interface RabbitmqContext {
  readonly settings: RabbitmqSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: EmitEvent;
}

/** Who lives on a link. `linkUp` may reject: the connection is then given up and made anew. */
export interface LinkUser {
  linkUp(connection: OpenConnection): Promise<void>;
  linkDown(loss: Loss): void;
  linkBlocked?(reason: string): void;
  linkUnblocked?(): void;
}

/** State of a link, as health sees it. */
export type LinkState = 'idle' | 'connecting' | 'up' | 'down' | 'closed';

/**
 * One connection that is made anew whenever it is lost, with jittered backoff, until it is closed. Our own loop:
 * amqplib's recovery can report success on a dead connection, or end the process.
 */
export class Link {
  readonly role: 'publisher' | 'consumer';
  readonly #context: RabbitmqContext;
  readonly #addresses: readonly Address[];
  readonly #users = new Set<LinkUser>();
  /** Who waits for it to be up again. */
  readonly #waiting = new Set<() => void>();
  readonly #closing = new AbortController();
  #state: LinkState = 'idle';
  #connection: OpenConnection | null = null;
  #lastError: BuscouplerError | null = null;
  #next = 0;
  #lostAtMs: number | null = null;
  #connecting: Promise<void> | null = null;

  constructor(role: 'publisher' | 'consumer', context: RabbitmqContext) {
    this.role = role;
    this.#context = context;
    this.#addresses = context.settings.urls.map(parseAddress);
  }

  get state(): LinkState {
    return this.#state;
  }

  /** True if it was lost or could not be made at the first try. While that first try lasts nothing is wrong yet. */
  get isHurt(): boolean {
    return this.#state === 'down' || (this.#state === 'connecting' && this.#lastError !== null);
  }

  /** The connection that works now. */
  get connection(): OpenConnection | null {
    return this.#state === 'up' ? this.#connection : null;
  }

  get lastError(): BuscouplerError | null {
    return this.#lastError;
  }

  add(user: LinkUser): void {
    this.#users.add(user);
  }

  remove(user: LinkUser): void {
    this.#users.delete(user);
  }

  /** First connection; shares the pending try. Rejects as {@link BrokerPort.connect} says and may be called again. */
  connect(signal: AbortSignal): Promise<void> {
    if (this.#state === 'closed') return Promise.reject(closedError());
    if (this.#state === 'up' || this.#state === 'down') return this.#whenUp(signal);
    this.#connecting ??= this.#connectFirst(signal).finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  /** Begins as if it had been lost: nobody waits for it, and no error ends it. */
  recover(): void {
    if (this.#state === 'idle') this.#recover();
  }

  #recover(): void {
    this.#state = 'down';
    this.#lostAtMs = this.#context.clock.monotonicMs();
    // It ends only by closing, and then there is nobody to tell.
    this.#establish(this.#closing.signal, false).catch(() => undefined);
  }

  async #connectFirst(signal: AbortSignal): Promise<void> {
    this.#state = 'connecting';
    const address = this.#addresses[this.#next % this.#addresses.length] as Address;
    this.#context.emit('broker-connecting', { broker: 'rabbitmq', address: address.text });
    try {
      await this.#establish(AbortSignal.any([signal, this.#closing.signal]), true);
    } catch (error) {
      if (this.#state === 'connecting') this.#state = 'idle';
      throw error;
    }
  }

  /** It was up before and recovers by itself: waits for that. */
  async #whenUp(signal: AbortSignal): Promise<void> {
    if (this.#state === 'up') return;
    const both = AbortSignal.any([signal, this.#closing.signal]);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        both.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      both.addEventListener('abort', done);
      if (both.aborted) done();
    });
    if (both.aborted) throw this.#lastError ?? closedError();
  }

  /** Tries the servers in turn until one connection works. */
  async #establish(signal: AbortSignal, isFirst: boolean): Promise<void> {
    let hangUps = 0;
    for (let attempt = 1; ; attempt += 1) {
      const address = this.#addresses[this.#next % this.#addresses.length] as Address;
      try {
        await this.#attempt(address, signal);
        return;
      } catch (thrown) {
        hangUps = isHangUp(thrown) ? hangUps + 1 : 0;
        const isForeign = isFirst && hangUps >= HANG_UPS_MAX;
        const error = isForeign ? hangUpError(thrown, address) : dialError(thrown, address);
        if (signal.aborted) throw this.#state === 'closed' ? closedError() : (this.#lastError ?? error);
        this.#fail(error);
        if (isFirst && isFatalDialError(error)) throw error;
      }
      this.#next += 1;
      const { clock, random } = this.#context;
      const round = Math.ceil(attempt / this.#addresses.length);
      // With several servers the next one is tried at once; the pause comes after all of them failed.
      if (attempt % this.#addresses.length === 0)
        await wait(clock, backoffDelayMs(BACKOFF, round, random), signal);
      if (signal.aborted) throw this.#lastError ?? closedError();
    }
  }

  async #attempt(address: Address, signal: AbortSignal): Promise<void> {
    const { settings, clock } = this.#context;
    const connection = await dial({ settings, address, role: this.role, clock, signal });
    this.#connection = connection;
    connection.watch({
      lost: (loss) => this.#lost(connection, loss),
      blocked: (reason) => this.#blocked(reason),
      unblocked: () => this.#unblocked(),
    });
    try {
      for (const user of [...this.#users]) await user.linkUp(connection);
      if (!connection.isOpen) throw this.#lastError ?? closedError();
    } catch (error) {
      if (connection.isOpen) connection.destroy(asUnavailable(error));
      throw error;
    }
    this.#up();
  }

  #up(): void {
    const { emit, clock } = this.#context;
    this.#state = 'up';
    this.#lastError = null;
    emit('broker-connected', { broker: 'rabbitmq', role: this.role });
    for (const wake of [...this.#waiting]) wake();
    if (this.#lostAtMs === null) return;
    emit('broker-recovered', {
      broker: 'rabbitmq',
      afterMs: Math.round(clock.monotonicMs() - this.#lostAtMs),
    });
    this.#lostAtMs = null;
  }

  /** Tells of a failure once, however often it is tried again. */
  #fail(error: BuscouplerError): void {
    if (this.#lastError?.message !== error.message) {
      this.#context.emit('broker-lost', { broker: 'rabbitmq', error });
    }
    this.#lastError = error;
  }

  #lost(connection: OpenConnection, loss: Loss): void {
    if (connection !== this.#connection) return;
    this.#connection = null;
    if (connection.isBlocked) this.#context.emit('broker-unblocked', { broker: 'rabbitmq' });
    for (const user of [...this.#users]) user.linkDown(loss);
    if (this.#state !== 'up') {
      this.#lastError = loss.error; // lost while it was being set up: the running loop goes on
      return;
    }
    this.#fail(loss.error);
    this.#recover();
  }

  #blocked(reason: string): void {
    this.#context.emit('broker-blocked', { broker: 'rabbitmq', reason });
    for (const user of [...this.#users]) user.linkBlocked?.(reason);
  }

  #unblocked(): void {
    this.#context.emit('broker-unblocked', { broker: 'rabbitmq' });
    for (const user of [...this.#users]) user.linkUnblocked?.();
  }

  /** Ends it for good. Never rejects. */
  async close(deadlineMs: number): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#closing.abort();
    const connection = this.#connection;
    this.#connection = null;
    if (connection === null) return;
    const done = new AbortController();
    await connection.close(wait(this.#context.clock, deadlineMs, done.signal));
    done.abort();
  }
}

const closedError = (): BuscouplerError =>
  new BuscouplerError('BC_LIFECYCLE', 'The connection to RabbitMQ was closed.');

const asUnavailable = (error: unknown): BuscouplerError =>
  error instanceof BuscouplerError
    ? error
    : new BuscouplerError('BC_BROKER_UNAVAILABLE', 'The connection to RabbitMQ could not be set up.', {
        cause: error,
      });
