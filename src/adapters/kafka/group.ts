import type { LegSpec, LegState, SkippedBatch } from '../../contract/broker.js';
import type { Clock, Random } from '../../contract/clock.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { EmitEvent } from '../../contract/events.js';
import type { LogPosition } from '../../contract/log-position.js';
import type { Logger } from '../../contract/logger.js';
import { backoffDelayMs, wait } from '../../delivery/backoff.js';
import { Commits } from './commits.js';
import type { AdminClient, Assignment, KafkaDriver, MemberClient } from './driver.js';
import { isFatalOnConnect, isRefusal, toKafkaError } from './errors.js';
import { KafkaLeg } from './leg.js';
import { isSameScope, refuseTwice, scopeOf } from './member-scope.js';
import { Membership } from './membership.js';
import type { PartitionFeed } from './partition-feed.js';
import { type PoisonedContext, PoisonedPartitions } from './poisoned-partitions.js';
import { watchLeftovers } from './retry-leftovers.js';
import type { TopicFeed } from './topic-feed.js';
import { mayBeUndecodable } from './undecodable.js';

/** Attaching and detaching of several consumers within this time changes the membership once, ms. */
const GATHER_MS = 20;
/** How long a planned change of topics waits for deliveries to be settled, ms. */
const SETTLE_MS = 2_000;
/** Pause before a commit of a consumer that leaves is tried again, ms. */
const COMMIT_AGAIN_MS = 100;
/** Share of the session timeout after which silence is shown. */
const SILENT_SHARE = 2 / 3;
const REBUILD_BACKOFF = { initialMs: 200, factor: 2, maxMs: 10_000, jitter: 0.2 } as const;

/** What a group is made of. */
export interface GroupContext {
  readonly driver: KafkaDriver;
  readonly admin: AdminClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly emit: EmitEvent;
  readonly sessionTimeoutMs: number;
  readonly bury: PoisonedContext['bury'];
}

interface Waiter {
  resolve(): void;
  reject(error: BuscouplerError): void;
}

/**
 * All consumers of this process in one Kafka group: one member that subscribes to all of their topics. A member that
 * dies or falls silent is replaced by a new one, with backoff.
 */
export class Group {
  readonly name: string;
  readonly #context: GroupContext;
  /** In order of attaching. */
  readonly #legs = new Set<KafkaLeg>();
  readonly #waiters = new Map<KafkaLeg, Waiter>();
  readonly #commits: Commits;
  readonly #poisoned: PoisonedPartitions;
  #membership: Membership | null = null;
  #memberId: string | null = null;
  #held: Assignment = {};
  /** The next join continues what this process had: it left on purpose, a moment ago. */
  #isContinued = false;
  #isSearching = false;
  #isTold = false;
  #failures = 0;
  #trouble: { readonly state: LegState; readonly reason?: string } | null = { state: 'starting' };
  #changing: Promise<void> | null = null;
  #isChangeDue = false;
  #stopped = new AbortController();

  constructor(name: string, context: GroupContext) {
    this.name = name;
    this.#context = context;
    const { clock, logger } = context;
    const send = async (offsets: Parameters<MemberClient['commit']>[0]): Promise<void> => {
      if (this.#membership?.isJoined !== true) throw new Error('The group is between two generations');
      await this.#membership.client.commit(offsets);
    };
    this.#commits = new Commits({ clock, logger, send });
    const step = (feed: PartitionFeed, offset: bigint): void => this.#step(feed, offset);
    this.#poisoned = new PoisonedPartitions(name, { ...context, step });
  }

  get isEmpty(): boolean {
    return this.#legs.size === 0;
  }

  /** Resolves when the group is joined with the consumer's topics. */
  async attach(spec: LegSpec): Promise<KafkaLeg> {
    const { clock } = this.#context;
    const leg = new KafkaLeg(spec, {
      clock,
      trouble: () => this.#trouble ?? this.#silence(),
      onSettled: (feed) => this.#commits.mark(feed),
      setFetching: (feed) => this.#applyPauses(feed),
      detach: (one, deadlineMs) => this.#detach(one, deadlineMs),
    });
    refuseTwice(this.name, scopeOf(this.#legs), leg);
    this.#legs.add(leg);
    this.#watchLeftovers(leg);
    await new Promise<void>((resolve, reject) => {
      this.#waiters.set(leg, { resolve, reject });
      this.#change();
    });
    return leg;
  }

  #watchLeftovers(leg: KafkaLeg): void {
    const { admin, clock, logger } = this.#context;
    void watchLeftovers(leg.spec.consumer, {
      admin,
      clock,
      logger,
      isOver: () => !this.#legs.has(leg),
      onFound: (delayMs) => {
        if (leg.readRetries(delayMs)) this.#change();
      },
    });
  }

  /** Detaches every leg and leaves; whoever still waits to be attached is refused. */
  async close(deadlineMs: number): Promise<void> {
    for (const [leg, { reject }] of [...this.#waiters]) {
      this.#waiters.delete(leg);
      reject(new BuscouplerError('BC_LIFECYCLE', 'The Kafka connection is closed.'));
    }
    await Promise.all([...this.#legs].map((leg) => leg.detach({ deadlineMs })));
  }

  async #detach(leg: KafkaLeg, deadlineMs: number): Promise<void> {
    const { clock } = this.#context;
    const endMs = clock.monotonicMs() + deadlineMs;
    await this.#within(deadlineMs, this.#commitAll(endMs));
    this.#legs.delete(leg);
    this.#waiters.delete(leg);
    this.#change();
    if (this.isEmpty) await this.#within(endMs - clock.monotonicMs(), this.#changing);
  }

  /** Between two generations nothing can be committed: it is tried again, while there is a member. */
  async #commitAll(endMs: number): Promise<void> {
    const { clock } = this.#context;
    while (!(await this.#commits.flush()) && this.#membership !== null && clock.monotonicMs() < endMs) {
      await wait(clock, COMMIT_AGAIN_MS);
    }
  }

  /** Waits for a promise, at most so long. */
  async #within(limitMs: number, work: Promise<unknown> | null): Promise<void> {
    const over = new AbortController();
    await Promise.race([work, wait(this.#context.clock, Math.max(0, limitMs), over.signal)]);
    over.abort();
  }

  /** The topics have changed: the membership is brought in line, one change at a time. */
  #change(): void {
    this.#isChangeDue = true;
    this.#changing ??= this.#runChanges();
  }

  async #runChanges(): Promise<void> {
    while (this.#isChangeDue) {
      await wait(this.#context.clock, GATHER_MS);
      this.#isChangeDue = false;
      if (!this.#isInLine()) {
        await this.#leave();
        if (this.#legs.size > 0) this.#join();
      }
    }
    this.#changing = null;
  }

  #isInLine(): boolean {
    if (this.#membership === null) return this.#legs.size === 0;
    return isSameScope(this.#membership.scope, scopeOf(this.#legs));
  }

  /** Leaves on purpose: what is under way gets a moment to settle, what is settled is committed. */
  async #leave(): Promise<void> {
    this.#stopped.abort();
    this.#stopped = new AbortController();
    const membership = this.#membership;
    if (membership === null) return;
    const { clock } = this.#context;
    for (const topic of membership.scope.readers.keys()) {
      this.#guarded(() => membership.client.pause(topic));
    }
    if (this.#legs.size > 0) {
      const untilMs = clock.monotonicMs() + SETTLE_MS;
      while (this.#unsettled() > 0 && clock.monotonicMs() < untilMs) await wait(clock, GATHER_MS);
    }
    await this.#commits.flush();
    this.#membership = null;
    this.#isContinued = true;
    await membership.leave();
  }

  #unsettled(): number {
    let count = 0;
    for (const leg of this.#legs) count += leg.unsettled;
    return count;
  }

  #join(): void {
    const { driver, clock, sessionTimeoutMs } = this.#context;
    const scope = scopeOf(this.#legs);
    const isCurrent = (): boolean => this.#membership?.client === client;
    const whenCurrent =
      <Args extends unknown[]>(act: (...args: Args) => void) =>
      (...args: Args): void => {
        if (isCurrent()) act(...args);
      };
    const client = driver.member({
      group: this.name,
      topics: [...scope.readers.keys()],
      held: this.#held,
      events: {
        onJoin: whenCurrent(({ memberId, assignment }) => this.#joined(memberId, assignment)),
        onRebalance: whenCurrent(() => void this.#commits.flush()),
        onSign: whenCurrent(() => this.#membership?.heard()),
        onBatch: (batch) => (isCurrent() ? scope.readers.get(batch.topic)?.accept(batch) : undefined),
        onCrash: whenCurrent((error) => this.#crashed(error)),
      },
    });
    this.#membership = new Membership(client, scope, { clock, sessionTimeoutMs });
    this.#watch(this.#membership);
    client.start().catch(whenCurrent((error: unknown) => this.#crashed(error)));
  }

  #joined(memberId: string, assignment: Assignment): void {
    const membership = this.#membership as Membership;
    const isFresh = !this.#isContinued && memberId !== this.#memberId;
    this.#isContinued = false;
    this.#memberId = memberId;
    this.#held = assignment;
    membership.joined();
    if (membership.isCircling()) {
      this.#crashed(new Error('The member joined again and again'));
      return;
    }
    const { readers } = membership.scope;
    for (const leg of this.#legs) {
      const isRead = (topic: string): boolean => readers.get(topic) === leg.feeds.get(topic);
      leg.assign((topic) => (isRead(topic) ? (assignment[topic] ?? []) : []), isFresh);
    }
    for (const feed of readers.values()) {
      this.#seekSkipped(feed);
      this.#applyPauses(feed);
    }
    if (this.#isSearching || !this.#poisoned.isEmpty) void this.#search(membership);
    else this.#live(membership);
  }

  #live(membership: Membership): void {
    this.#trouble = null;
    this.#isTold = false;
    if (membership.live()) this.#context.emit('broker-connected', { broker: 'kafka', role: 'consumer' });
    for (const [leg, { resolve }] of [...this.#waiters]) {
      if (!membership.scope.legs.has(leg)) continue;
      this.#waiters.delete(leg);
      resolve();
    }
  }

  /** Fetching stands still meanwhile; then all partitions flow but those that cannot be decoded. */
  async #search(membership: Membership): Promise<void> {
    this.#isSearching = true;
    try {
      const feeds = membership.scope.readers.values();
      await this.#poisoned.search(feeds, () => this.#membership === membership);
    } catch (error) {
      if (this.#membership === membership) this.#crashed(error);
      return;
    }
    if (this.#membership !== membership) return;
    this.#isSearching = false;
    for (const feed of membership.scope.readers.values()) this.#applyPauses(feed);
    this.#live(membership);
  }

  /**
   * Steps over the batch at this position, if it stops a topic that is read here; `null`: it does not. A search that runs
   * may be about to find it.
   */
  async skip(consumer: AnyConsumer, position: LogPosition): Promise<SkippedBatch | null> {
    const { clock } = this.#context;
    while (this.#isSearching && this.#legs.size > 0) await wait(clock, GATHER_MS);
    const membership = this.#membership;
    const feed = membership?.scope.readers.get(position.topic);
    if (feed === undefined || feed.consumer.name !== consumer.name) return null;
    return this.#poisoned.skip(feed, position, () => this.#membership === membership);
  }

  /** The member fetches behind what was stepped over; its commit follows when all before it is settled. */
  #step(partition: PartitionFeed, offset: bigint): void {
    if (partition.skipTo(Number(offset))) this.#commits.mark(partition);
    const { topic } = partition;
    const feed = this.#membership?.scope.readers.get(topic);
    this.#guarded(() => this.#membership?.client.seek(topic, partition.partition, offset));
    if (feed !== undefined) this.#applyPauses(feed);
  }

  /** After a rebalance fetching begins at the commit, which may still be in front of what was stepped over. */
  #seekSkipped({ topic, partitions }: TopicFeed): void {
    for (const { partition, seekTo } of partitions) {
      if (seekTo === null) continue;
      this.#guarded(() => this.#membership?.client.seek(topic, partition, BigInt(seekTo)));
    }
  }

  /** A pause outlives rebalances, and pausing single partitions undoes that of the topic: both are set anew. */
  #applyPauses(feed: TopicFeed): void {
    const { topic } = feed;
    if (this.#membership?.scope.readers.get(topic) !== feed) return;
    const { client } = this.#membership;
    this.#guarded(() => {
      client.resume(topic);
      if (this.#isSearching || !feed.isFetching) client.pause(topic);
      else {
        const poisoned = this.#poisoned.of(topic);
        if (poisoned.length > 0) client.pause(topic, poisoned);
      }
    });
  }

  /** kafkajs throws at a member that does not run (yet, any more); then there is nothing to pause. */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#context.logger.debug({ err: error, group: this.name }, 'kafka member is not running');
    }
  }

  /** Long before a member that says nothing is replaced, health says so. */
  #silence(): { readonly state: LegState; readonly reason: string } | null {
    const silentMs = this.#membership?.silentMs() ?? 0;
    if (silentMs < this.#context.sessionTimeoutMs * SILENT_SHARE) return null;
    const reason = `Nothing was heard of Kafka for ${Math.round(silentMs)} ms.`;
    return { state: 'recovering', reason };
  }

  /** Looks for silence: kafkajs can stop without a word. */
  #watch(membership: Membership): void {
    const { clock, sessionTimeoutMs } = this.#context;
    if (this.#membership !== membership) return;
    if (membership.isSilent()) this.#crashed(new Error('The member fell silent'));
    else clock.schedule(() => this.#watch(membership), sessionTimeoutMs / 4);
  }

  #crashed(thrown: unknown): void {
    const membership = this.#membership;
    if (membership === null) return;
    this.#membership = null;
    void membership.leave();
    if (mayBeUndecodable(thrown)) this.#isSearching = true;
    const error = toKafkaError(thrown, `The Kafka group "${this.name}" stopped`);
    this.#trouble = { state: 'recovering', reason: error.message };
    this.#tell(error);
    void this.#rejectWaiters(error).then(() => this.#rebuild(membership));
  }

  #tell(error: BuscouplerError): void {
    if (this.#isTold) return;
    this.#isTold = true;
    for (const { spec } of this.#legs) {
      this.#context.emit('consumer-failed', { consumer: spec.consumer.name, broker: 'kafka', error });
    }
  }

  /** Whoever waits to be attached is told what waiting cannot cure. */
  async #rejectWaiters(error: BuscouplerError): Promise<void> {
    if (!isRefusal(error) && !isFatalOnConnect(error)) return;
    for (const [leg, { reject }] of [...this.#waiters]) {
      if (error.code === 'BC_PLACE_MISSING' && !(await this.#isMissingOne(leg))) continue;
      this.#waiters.delete(leg);
      this.#legs.delete(leg);
      reject(error);
    }
  }

  async #isMissingOne({ feeds }: KafkaLeg): Promise<boolean> {
    try {
      for (const topic of feeds.keys()) if ((await this.#context.admin.describe(topic)) === null) return true;
    } catch {} // not known: it is tried again
    return false;
  }

  async #rebuild(membership: Membership): Promise<void> {
    const { clock, random } = this.#context;
    // A member that lives for a moment only must not be built anew at full speed for ever.
    this.#failures = membership.liveForMs() > REBUILD_BACKOFF.maxMs ? 1 : this.#failures + 1;
    const { signal } = this.#stopped;
    await wait(clock, backoffDelayMs(REBUILD_BACKOFF, this.#failures, random), signal);
    if (!signal.aborted) this.#change();
  }
}
