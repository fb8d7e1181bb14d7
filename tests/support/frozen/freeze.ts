import type { BrokerPort, Destination, Publisher } from '../../../src/contract/broker.js';
import type { Inbox } from '../../../src/contract/inbox.js';
import { overlay } from '../killable/overlay.js';

/** Where an owner stands still. */
export type Step =
  | 'before the effect'
  | 'before done'
  | 'before the retry copy'
  | 'after the retry copy'
  | 'before giving up'
  | 'before the letter'
  | 'after the letter';

/** Holds whoever comes to the step first until it is woken. */
export interface Freeze {
  /** Resolves when somebody stands there. */
  readonly reached: Promise<void>;
  /** Somebody stands there. */
  readonly isStanding: boolean;
  readonly woken: Promise<void>;
  /** Resolves at once for everybody but the first at the step. */
  pass(step: Step): Promise<void>;
  wake(): void;
}

export function createFreeze(at: Step): Freeze {
  let tell: () => void = () => undefined;
  let wake: () => void = () => undefined;
  let isTaken = false;
  let isAwake = false;
  const reached = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const woken = new Promise<void>((resolve) => {
    wake = resolve;
  });
  return {
    reached,
    woken,
    get isStanding() {
      return isTaken && !isAwake;
    },
    async pass(step) {
      if (step !== at || isTaken) return;
      isTaken = true;
      tell();
      await woken;
    },
    wake() {
      isAwake = true;
      wake();
    },
  };
}

/** An inbox whose owner stands still at a step. */
export function freezesAtInbox(inbox: Inbox, { pass }: Freeze): Inbox {
  const { transactions } = inbox;
  return overlay(inbox, {
    async markDone(...asked) {
      await pass('before done');
      return inbox.markDone(...asked);
    },
    async release(consumer, claims) {
      if (claims.some(({ copy }) => copy.attempt > 1)) await pass('after the retry copy');
      return inbox.release(consumer, claims);
    },
    async markBurying(...asked) {
      await pass('before giving up');
      return inbox.markBurying(...asked);
    },
    async markDead(...asked) {
      await pass('after the letter');
      return inbox.markDead(...asked);
    },
    ...(transactions && {
      transactions: {
        ...transactions,
        async begin(...asked) {
          const transaction = await transactions.begin(...asked);
          if (transaction === null) return null;
          return overlay(transaction, {
            async commit(signal) {
              await pass('before done');
              await transaction.commit(signal);
            },
          });
        },
      },
    }),
  });
}

const STEP_BEFORE: Readonly<Record<Destination['kind'], Step | null>> = {
  topic: null,
  retry: 'before the retry copy',
  'dead-letter': 'before the letter',
};

/** A broker whose client stands still before it sends a copy. */
export function freezesAtBroker(port: BrokerPort, { pass }: Freeze): BrokerPort {
  return overlay(port, {
    publisher(destination): Publisher {
      const publisher = port.publisher(destination);
      const step = STEP_BEFORE[destination.kind];
      if (step === null) return publisher;
      return overlay(publisher, {
        publish: (ticket) => void pass(step).then(() => publisher.publish(ticket)),
      });
    },
  });
}
