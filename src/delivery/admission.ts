import { wantsTransaction } from '../contract/define-consumer.js';
import type { BuscouplerError } from '../contract/errors.js';
import type { InboxCopy } from '../contract/inbox.js';
import type { IncomingMessage } from '../contract/message.js';
import { newMessageId } from '../messages/ids.js';
import { wait } from './backoff.js';
import { identityOf } from './decode.js';
import { copyOf } from './inbox-copy.js';
import type { InboxGate } from './inbox-gate.js';
import type { Ended, LettingGo } from './let-go.js';
import type { PipelineOptions } from './pipeline-options.js';
import { type EarlyCopy, readEarly, readFirstFailure } from './retry-plan.js';
import { tooOld, untilOver } from './window.js';

/** What copies are looked at with. */
export interface AdmissionScope extends PipelineOptions {
  readonly gate: InboxGate | null;
  readonly lettingGo: LettingGo;
  /** A copy is too old to be decided about, and the consumer's policy is to stop. */
  readonly onHeld: (why: BuscouplerError) => void;
}

/** A delivery whose turn has come. */
export interface Arrival extends Ended {
  copy: InboxCopy;
  /** Why it is too old to be run, if so. */
  outside: BuscouplerError | null;
  /** Its turn comes again. */
  start(): void;
  /** It may pass the inbox; without an identity there is nothing to ask for. */
  enter(hasIdentity: boolean): void;
  /** It leaves when this is over. */
  goOn(rest: Promise<void>): void;
}

/** Lets a copy go to the inbox, unless it is too old to be decided about or came before its time. */
export function admit(scope: AdmissionScope, arrival: Arrival): void {
  const { clock, consumer, window } = scope;
  const { message } = arrival.delivery;
  const own = identityOf(message);
  arrival.copy = copyOf(message, own ?? newMessageId(clock.epochMs()));
  arrival.outside = tooOld(scope, message, arrival.copy);
  if (arrival.outside !== null && window?.policy !== 'dead-letter') {
    keep(scope, arrival, arrival.outside);
    return;
  }
  const isOriginal = arrival.copy.attempt === 1;
  const early = isOriginal || arrival.outside !== null ? null : readEarly(consumer, message, clock.epochMs());
  if (early === null) arrival.enter(own !== null || wantsTransaction(consumer));
  else putOff(scope, arrival, early);
}

/** What to ask the inbox for before the turn of a message; `null`: there is something else to look at in its turn. */
export function copyAhead(scope: AdmissionScope, message: IncomingMessage): InboxCopy | null {
  const own = identityOf(message);
  if (own === null) return null;
  const copy = copyOf(message, own);
  return copy.attempt > 1 || tooOld(scope, message, copy) !== null ? null : copy;
}

/** It is not run, until its delivery or the consumer ends. */
function keep({ onHeld, clock }: AdmissionScope, arrival: Arrival, why: BuscouplerError): void {
  onHeld(why);
  arrival.goOn(untilOver(clock, arrival));
}

function putOff({ clock, lettingGo }: AdmissionScope, arrival: Arrival, early: EarlyCopy): void {
  if (early.kind === 'wait') {
    void wait(clock, early.waitMs, arrival.signal).then(() => arrival.start());
    return;
  }
  const firstFailedAtMs = readFirstFailure(arrival.delivery.message, clock.epochMs());
  arrival.goOn(lettingGo.forward(arrival, early, firstFailedAtMs));
}
