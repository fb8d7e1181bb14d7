import type { Delivery } from '../contract/broker.js';
import type { InboxCopy } from '../contract/inbox.js';
import type { BrokerName } from '../contract/message.js';
import { wait } from './backoff.js';
import type { Claim } from './claim.js';
import { storeDeadLetter } from './dead-letter-writer.js';
import { type Ending, type Failed, readBurial } from './ending.js';
import type { Asker, Passage } from './inbox-gate.js';
import type { PipelineOptions } from './pipeline-options.js';

/** Pause before a lost claim is looked at again, ms. */
const LOOK_AGAIN_MS = 100;

/** A delivery whose attempts ended. */
export interface Ended extends Asker {
  readonly delivery: Delivery;
  readonly broker: BrokerName;
  readonly copy: InboxCopy;
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
    if (ending.kind === 'interrupted') return void (await work.claim?.mark('release'));
    if (work.claim === null || (await work.claim.mark('markDone'))) this.settle(work, ending);
    else await this.lookAgain(work, ending);
  }

  /** The claim was lost: someone else may have settled it, or given it back. */
  async lookAgain(work: Ended, ending: Ending): Promise<void> {
    const passage = await this.#claimAgain(work);
    if (passage === 'settled') work.delivery.settle();
    else if (passage === 'claimed') await this.end(work, ending);
    else if (passage === 'burying') {
      await this.finishBurial(work, ending.kind === 'failed' ? ending : readBurial(work.copy.attempt));
    }
  }

  async #endFailed(work: Ended, ending: Failed): Promise<void> {
    // What is lost by now is decided by whoever gets it next, with the error that it meets.
    if (work.isOver) return void (await work.claim?.mark('release'));
    if (work.claim === null || (await work.claim.mark('markBurying'))) await this.finishBurial(work, ending);
    else await this.lookAgain(work, ending);
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
    const isStored = await storeDeadLetter({
      ...this.#options,
      asker: work,
      publisher,
      letter: () => deadLetterOf({ delivery, id: facts.id, failure, maxBytes: publisher.maxMessageBytes }),
      onFailure: (why) => emit('dead-letter-failed', { ...facts, error: why }),
    });
    if (isStored) emit('dead-lettered', { ...facts, reason, place: deadLetterPlace(broker) });
    return isStored;
  }
}
