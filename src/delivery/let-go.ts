import type { BrokerName } from '../contract/message.js';
import { wait } from './backoff.js';
import type { Claim } from './claim.js';
import { type DeferredRetry, type Ending, type Failed, readBuried } from './ending.js';
import type { Passage } from './inbox-gate.js';
import type { PipelineOptions } from './pipeline-options.js';
import type { RetryStep } from './retry-plan.js';
import { storeCopy } from './store-copy.js';
import { type KeptDelivery, storeRetry } from './store-retry.js';

/** Pause before a lost claim is looked at again, ms. */
const LOOK_AGAIN_MS = 100;

/** A delivery whose attempts ended. */
export interface Ended extends KeptDelivery {
  readonly broker: BrokerName;
  /** `null`: it did not pass an inbox. */
  readonly claim: Claim | null;
}

/**
 * Lets deliveries go: only once the effect is recorded or the dead letter stored. A write that the inbox refuses means
 * that the claim was lost: it looks again, and never has the handler run a second time.
 */
export class LettingGo {
  readonly #options: PipelineOptions;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** Settles what succeeded or was dropped; the inbox has been told. */
  settle({ delivery, copy }: Ended, ending: Ending): void {
    const { emit, consumer, logger } = this.#options;
    if (ending.kind === 'drop')
      emit('dropped', { consumer: consumer.name, id: copy.id, reason: ending.reason });
    else if (logger.isLevelEnabled('debug'))
      logger.debug({ consumer: consumer.name, id: copy.id }, 'handled');
    delivery.settle();
  }

  async end(work: Ended, ending: Ending): Promise<void> {
    if (ending.kind === 'failed') return this.#endFailed(work, ending);
    if (ending.kind === 'deferred') return this.#endDeferred(work, ending);
    // What waits holds no claim meanwhile: it may have its effect elsewhere.
    if (ending.kind === 'interrupted' || ending.kind === 'aside')
      return void (await work.claim?.mark('release'));
    if (work.claim === null || (await work.claim.mark('markDone'))) this.settle(work, ending);
    else await this.lookAgain(work, ending);
  }

  /** The claim was lost: someone else may have settled it, or given it back. */
  async lookAgain(work: Ended, ending: Ending): Promise<void> {
    const passage = await this.#claimAgain(work);
    if (passage === 'settled') work.delivery.settle();
    else if (passage === 'claimed') await this.end(work, ending);
    else if (passage !== 'lost') {
      await this.finishBurial(work, ending.kind === 'failed' ? ending : this.readBuried(work, passage));
    }
  }

  async #endFailed(work: Ended, ending: Failed): Promise<void> {
    // What is lost by now is decided by whoever gets it next, with the error that it meets.
    if (work.isOver) return void (await work.claim?.mark('release'));
    if (work.claim === null || (await work.claim.mark('markBurying'))) await this.finishBurial(work, ending);
    else await this.lookAgain(work, ending);
  }

  /**
   * Copy stored, then the record raised to it, then the original let go of. A copy that comes back before its attempt was
   * raised finds our claim and waits; after a crash in between, original and copy meet in the inbox, and one has the effect.
   */
  async #endDeferred(work: Ended, { step, firstFailedAtMs }: DeferredRetry): Promise<void> {
    const attempt = work.copy.attempt + 1;
    const isStored = await storeRetry(this.#options, work, { ...step, firstFailedAtMs, attempt });
    if (!isStored) return void (await work.claim?.mark('release'));
    const raised = { ...work.copy, attempt };
    while (work.claim !== null && !(await work.claim.mark('release', raised))) {
      const passage = await this.#claimAgain(work);
      if (passage === 'lost') return;
      if (passage === 'settled') break;
      if (passage !== 'claimed') return this.finishBurial(work, this.readBuried(work, passage));
    }
    work.delivery.settle();
  }

  /** Sends a copy that came before its time round once more: no attempt, so the inbox is not asked. */
  async forward(work: Ended, step: RetryStep, firstFailedAtMs: number): Promise<void> {
    const hop = { ...step, firstFailedAtMs, attempt: work.copy.attempt };
    if (await storeRetry(this.#options, work, hop)) work.delivery.settle();
  }

  /** What is known of a burial that someone else decided: every attempt of this copy may have been made. */
  readBuried({ copy }: Ended, passage: 'burying' | 'poison'): Failed {
    return readBuried(passage, copy.attempt * this.#options.consumer.retry.attempts);
  }

  /** Stores the letter of a message whose death is decided. */
  async finishBurial(work: Ended, ending: Failed): Promise<void> {
    if (!(await this.#storeLetter(work, ending))) return void (await work.claim?.mark('release'));
    let isDead = work.claim === null || (await work.claim.mark('markDead'));
    while (!isDead) {
      const passage = await this.#claimAgain(work);
      if (passage === 'lost') return;
      isDead =
        passage === 'settled' ||
        ((await work.claim?.mark('markBurying')) === true && (await work.claim?.mark('markDead')) === true);
    }
    work.delivery.settle();
  }

  async #claimAgain(work: Ended): Promise<Passage> {
    await wait(this.#options.clock, LOOK_AGAIN_MS, work.signal);
    return work.isOver || work.claim === null ? 'lost' : work.claim.take();
  }

  async #storeLetter(work: Ended, ending: Failed): Promise<boolean> {
    const { consumer, clock, emit, deadLetterOf, deadLetterPublisher, deadLetterPlace } = this.#options;
    const { delivery, broker } = work;
    const { reason, error, attempt } = ending;
    const facts = { consumer: consumer.name, id: work.copy.id, broker };
    const failure = { reason, error, attempt, consumer: consumer.name, failedAtMs: clock.epochMs() };
    const publisher = deadLetterPublisher(broker);
    const letter = () =>
      deadLetterOf({ delivery, id: facts.id, failure, maxBytes: publisher.maxMessageBytes });
    const isStored = await storeCopy({
      ...this.#options,
      asker: work,
      copy: () => ({ message: letter(), publisher }),
      onFailure: (why) => emit('dead-letter-failed', { ...facts, error: why }),
    });
    if (isStored) emit('dead-lettered', { ...facts, reason, place: deadLetterPlace(broker) });
    return isStored;
  }
}
