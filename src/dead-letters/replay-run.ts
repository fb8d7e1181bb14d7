import type { PublishOutcome } from '../contract/broker.js';
import type { ReplayLetters, ReplayReport, RunEnd } from '../contract/dead-letter-desk.js';
import { type BuscouplerError, describeError } from '../contract/errors.js';
import type { LetterLedger } from '../contract/letter-ledger.js';
import type { OutgoingMessage } from '../contract/message.js';
import type { DeskLetter } from './desk-letter.js';
import { type DeskConsumer, type DeskParts, ledgerOf, type ReplayPlace } from './desk-parts.js';
import type { MendedLetter } from './exported-letter.js';
import { askStore, statesOf } from './inbox-look.js';
import { compileFilter } from './letter-filter.js';
import { readPlaces } from './read-places.js';
import { type Generation, generationOf, type MessageParts, replayMessageOf } from './replay-message.js';
import { noteOf, ReplayNotes } from './replay-notes.js';
import { type Refusal, Refusals, refusalOf } from './replay-rules.js';
import { ReplayTargets } from './replay-targets.js';
import { ReplayWatch } from './replay-watch.js';

/** How long the end of the canary is waited for where the inbox tells it, ms. */
const CANARY_MS = 30_000;
/** Pause after the canary where nobody tells how it ended, ms. */
const BLIND_CANARY_MS = 5_000;
const CANARY_LOOK_MS = 250;
/** Tries to store one copy, and the pause after each, ms. */
const STORE_TRIES = 3;
const STORE_PAUSE_MS = 500;

/** The options with what must be known of them. */
export interface ReplayPlan extends Omit<ReplayLetters, 'from'> {
  readonly ratePerSecond: number;
  readonly by: string;
  /** By reference; `null`: letters are replayed as they are. */
  readonly mended: ReadonlyMap<string, MendedLetter> | null;
}

/** One replay: letters one after another, none removed before its copy is stored. */
export class ReplayRun {
  readonly #parts: DeskParts;
  readonly #plan: ReplayPlan;
  readonly #refusals = new Refusals();
  readonly #targets = new ReplayTargets();
  readonly #notes = new ReplayNotes();
  readonly #watch: ReplayWatch;
  readonly #met = new Set<string>();
  #matches = 0;
  #replayed = 0;
  #nextAtMs = 0;
  #end: RunEnd = 'done';
  #reason: string | null = null;

  constructor(parts: DeskParts, plan: ReplayPlan) {
    this.#parts = parts;
    this.#plan = plan;
    this.#watch = new ReplayWatch(parts.inbox, parts.clock);
  }

  async run(): Promise<ReplayReport> {
    try {
      await this.#readAll();
    } catch (error) {
      // What was done already must be told, too.
      if (this.#replayed === 0) throw error;
      this.#stop(describeError(error));
    }
    if (!this.#plan.execute && this.#end === 'done') this.#end = 'preview';
    if (this.#replayed > 0) await this.#watch.look({ force: true }).catch(() => undefined);
    return this.#report();
  }

  #isOver(): boolean {
    const { max = Infinity, execute, signal } = this.#plan;
    if (signal?.aborted && this.#end === 'done') this.#end = 'interrupted';
    return this.#end !== 'done' || (execute === true && this.#replayed >= max);
  }

  async #readAll(): Promise<void> {
    const { broker, consumer, signal, mended } = this.#plan;
    const matches = compileFilter(this.#plan, this.#parts.clock.epochMs());
    const selection = { ...(broker && { broker }), ...(consumer && { consumer }), signal };
    for await (const letter of readPlaces(this.#parts, selection)) {
      if (this.#isOver()) return;
      const { ref } = letter.summary;
      if (!matches(letter) || (mended !== null && !mended.has(ref))) continue;
      if (mended !== null) this.#met.add(ref);
      await this.#meet(letter);
      if (this.#isOver()) return;
    }
    for (const ref of mended?.keys() ?? []) if (!this.#met.has(ref)) this.#refusals.add(NOT_THERE, ref);
  }

  async #meet(letter: DeskLetter): Promise<void> {
    this.#matches += 1;
    const { consumer, summary } = letter;
    const refusal = this.#refusalOf(letter);
    if (refusal !== null || consumer === null) {
      if (refusal !== null) this.#refusals.add(refusal, summary.ref);
      return;
    }
    const place: ReplayPlace = { consumer: consumer.definition, broker: consumer.feed() };
    const ledger = await this.#ledgerOf(letter);
    this.#notes.add(noteOf(letter, consumer, { inbox: this.#parts.inbox, ledger }));
    if (this.#targets.total >= (this.#plan.max ?? Infinity)) return;
    if (this.#plan.execute && !(await this.#replay(letter, { consumer, place, ledger }))) return;
    this.#targets.add(place);
  }

  #refusalOf(letter: DeskLetter): Refusal | null {
    const { withoutHeaders = false, mended } = this.#plan;
    const nowMs = this.#parts.clock.epochMs();
    const { limits } = this.#parts;
    const needsNoHeaders = withoutHeaders || mended !== null;
    const refusal = refusalOf(letter, { limits, nowMs, needsNoHeaders });
    if (refusal !== null) return refusal;
    const mine = mended?.get(letter.summary.ref);
    return mine === undefined || isSame(mine, letter) ? null : ALTERED;
  }

  async #ledgerOf({ position, summary }: DeskLetter): Promise<LetterLedger | null> {
    return position === null ? null : ledgerOf(this.#parts.inbox, await this.#parts.open(summary.broker));
  }

  /** True if its copy is stored. */
  async #replay(letter: DeskLetter, to: Going): Promise<boolean> {
    await this.#pace();
    if (this.#isOver()) return false;
    const { ledger } = to;
    const { position } = letter;
    const token = this.#parts.newToken();
    const claim =
      ledger === null || position === null ? 'ours' : await askStore(() => ledger.begin(position, token));
    if (claim !== 'ours') {
      this.#refusals.add(IN_OTHER_HANDS, letter.summary.ref);
      return false;
    }
    const generation = await this.#generationOf(letter, to.consumer);
    const outcome = await this.#store(to.place, this.#messageOf(letter, to.consumer, generation));
    if (outcome.status !== 'stored') {
      if (outcome.status === 'failed' && position !== null)
        await askStore(() => ledger?.release(position, token));
      this.#notStored(letter, outcome.error);
      return false;
    }
    this.#replayed += 1;
    await this.#letGo(letter, ledger, token);
    await this.#watchOver(letter, to.consumer, generation);
    return true;
  }

  /** Waits for its turn. */
  async #pace(): Promise<void> {
    const { clock, wait } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#nextAtMs = Math.max(nowMs, this.#nextAtMs);
    if (this.#nextAtMs > nowMs) await wait(this.#nextAtMs - nowMs, this.#plan.signal);
    this.#nextAtMs += 1_000 / this.#plan.ratePerSecond;
  }

  async #generationOf({ summary, ...rest }: DeskLetter, consumer: DeskConsumer): Promise<Generation> {
    const copy = { id: summary.id ?? summary.ref, generation: summary.replayCount, attempt: 1 };
    const [state = 'unknown'] = await statesOf(this.#parts.inbox, consumer, [copy]);
    return generationOf({ summary, ...rest }, state);
  }

  #messageOf(letter: DeskLetter, consumer: DeskConsumer, generation: Generation): OutgoingMessage {
    const { by, mended, withoutHeaders } = this.#plan;
    const { message } = letter.stored;
    const bare: MessageParts = { ...message, headers: Object.create(null) };
    const parts = mended?.get(letter.summary.ref) ?? (withoutHeaders ? bare : message);
    const nowMs = this.#parts.clock.epochMs();
    return replayMessageOf(letter, parts, { generation, consumer: consumer.definition.name, by, nowMs });
  }

  /** Repeating is safe: the id and the generation stay. */
  async #store(place: ReplayPlace, message: OutgoingMessage): Promise<PublishOutcome> {
    for (let tries = 1; ; tries += 1) {
      const outcome = await this.#parts.publish(place, message);
      if (outcome.status === 'stored' || !outcome.error.retriable || tries === STORE_TRIES) return outcome;
      await this.#parts.wait(STORE_PAUSE_MS * tries, this.#plan.signal);
    }
  }

  #notStored({ summary }: DeskLetter, error: BuscouplerError): void {
    if (error.code === 'BC_MESSAGE_TOO_LARGE')
      this.#refusals.add({ why: 'too-large', text: error.message }, summary.ref);
    else this.#stop(`${summary.ref} could not be stored for its consumer: ${error.message}`);
  }

  /** The copy is stored; should this fail, the letter is met again and its copy recognised. */
  async #letGo({ stored, position }: DeskLetter, ledger: LetterLedger | null, token: string): Promise<void> {
    if (position === null) await stored.remove();
    else if (ledger !== null) await askStore(() => ledger.finish(position, token, 'replayed'));
  }

  async #watchOver({ summary }: DeskLetter, consumer: DeskConsumer, { number }: Generation): Promise<void> {
    this.#watch.add(consumer, { id: summary.id ?? summary.ref, generation: number, attempt: 1 });
    const isCanary = this.#replayed === 1 && this.#plan.canary !== false;
    if (isCanary) await this.#awaitCanary();
    else await this.#watch.look();
    if (this.#watch.isSpiking)
      this.#stop('Errors spike: more than half of the copies that ended last died again.');
  }

  async #awaitCanary(): Promise<void> {
    const { clock, wait } = this.#parts;
    const beganMs = clock.monotonicMs();
    const canTell = (): boolean => this.#watch.canSee || this.#parts.inbox?.isShared === true;
    const limitMs = (): number => (canTell() ? CANARY_MS : BLIND_CANARY_MS);
    while (this.#watch.open > 0 && clock.monotonicMs() - beganMs < limitMs()) {
      if (this.#plan.signal?.aborted) return;
      await wait(CANARY_LOOK_MS, this.#plan.signal);
      await this.#watch.look({ force: true });
    }
    if (this.#watch.died > 0) this.#stop('The first letter died again.');
    else if (this.#watch.open > 0 && canTell())
      this.#stop(`The first letter was not handled within ${CANARY_MS / 1_000} s.`);
  }

  #stop(reason: string): void {
    this.#end = 'stopped';
    this.#reason ??= reason;
  }

  #report(): ReplayReport {
    return {
      end: this.#end,
      ...(this.#reason === null ? {} : { reason: this.#reason }),
      matches: this.#matches,
      targets: this.#targets.report(),
      refused: this.#refusals.report(),
      ratePerSecond: this.#plan.ratePerSecond,
      replayed: this.#replayed,
      handled: this.#watch.handled,
      diedAgain: this.#watch.died,
      notes: this.#notes.report(),
    };
  }
}

/** Where a letter goes, and who remembers that it went. */
interface Going {
  readonly consumer: DeskConsumer;
  readonly place: ReplayPlace;
  readonly ledger: LetterLedger | null;
}

const NOT_THERE: Refusal = {
  why: 'not-there',
  text: 'It is not there any more, or not among the letters that are asked for.',
};
const IN_OTHER_HANDS: Refusal = {
  why: 'in-other-hands',
  text: 'Somebody else replays or purges it, or did; a run that was killed lets go of it after a minute.',
};
const ALTERED: Refusal = {
  why: 'altered-identity',
  text: 'id, consumer and replayCount of a mended letter must stay as they were.',
};

const isSame = (mended: MendedLetter, { summary }: DeskLetter): boolean =>
  mended.id === summary.id &&
  mended.consumer === summary.consumer &&
  mended.replayCount === summary.replayCount;
