import type { BrokerName } from '../src/index.js';
import type { ConsumerRecord, Happened, JournalMessage } from './journal.js';

/** What became of the messages of one consumer. */
export interface ConsumerVerdict {
  readonly name: string;
  /** Stored messages of its topic. */
  readonly expected: number;
  readonly handled: number;
  readonly deadLettered: number;
  /** Stored, and neither handled nor dead-lettered. */
  readonly lost: readonly string[];
  /** Ended more than once: handled twice, dead-lettered twice, or both. */
  readonly twice: readonly string[];
  /** Dead-lettered although nothing was wrong with them, or handled although no handler could. */
  readonly wrong: readonly string[];
}

/** The outcome of a run, computed from what happened to every single id. */
export interface Verdict {
  /** True if nothing was lost, nothing ended twice, and every message ended as it had to. */
  readonly ok: boolean;
  readonly published: number;
  /** Publishes whose caller was told that they failed, and publishes that were never answered. */
  readonly rejected: number;
  readonly unanswered: number;
  readonly stored: Readonly<Record<BrokerName, number>>;
  /** Ids that were confirmed by fewer brokers than both. */
  readonly missingCopies: readonly string[];
  readonly consumers: readonly ConsumerVerdict[];
}

/** Judges what happened. */
export function judge({ messages, consumers }: Happened): Verdict {
  const all = [...messages];
  const stored = all.filter(([, { outcome }]) => outcome === 'stored');
  const verdicts = consumers.map((consumer) => judgeConsumer(consumer, stored, messages));
  const missingCopies = stored.filter(([, { brokers }]) => brokers.length < 2).map(([id]) => id);
  const count = (outcome: JournalMessage['outcome']): number =>
    all.filter(([, message]) => message.outcome === outcome).length;
  const on = (broker: BrokerName): number =>
    stored.filter(([, { brokers }]) => brokers.includes(broker)).length;
  const unanswered = count('pending');
  return {
    ok: stored.length > 0 && unanswered === 0 && missingCopies.length === 0 && verdicts.every(isClean),
    published: stored.length,
    rejected: count('rejected'),
    unanswered,
    stored: { kafka: on('kafka'), rabbitmq: on('rabbitmq') },
    missingCopies,
    consumers: verdicts,
  };
}

const isClean = ({ lost, twice, wrong }: ConsumerVerdict): boolean =>
  lost.length === 0 && twice.length === 0 && wrong.length === 0;

function judgeConsumer(
  { name, topic, handled, deadLettered }: ConsumerRecord,
  stored: readonly (readonly [string, JournalMessage])[],
  messages: Happened['messages'],
): ConsumerVerdict {
  const expected = stored.filter(([, message]) => message.topic === topic).map(([id]) => id);
  const ended = new Set([...handled.keys(), ...deadLettered.keys()]);
  return {
    name,
    expected: expected.length,
    handled: handled.size,
    deadLettered: deadLettered.size,
    lost: expected.filter((id) => !ended.has(id)),
    twice: [...ended].filter((id) => (handled.get(id) ?? 0) + (deadLettered.get(id) ?? 0) > 1),
    wrong: [...ended].filter((id) => (messages.get(id)?.isDoomed ? handled : deadLettered).has(id)),
  };
}
