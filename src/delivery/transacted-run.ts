import type { Random } from '../contract/clock.js';
import type { HandlerResult } from '../contract/consumer.js';
import type { InboxTransaction } from '../contract/inbox.js';
import type { Message } from '../contract/message.js';
import { backoffDelayMs, wait } from './backoff.js';
import type { Asker } from './bulk-asks.js';
import type { Claim } from './claim.js';
import { isDuplicateEffect } from './duplicate-effect.js';
import { type Again, DONE, type Ending, INTERRUPTED, readBuried, readThrown, readVerdict } from './ending.js';
import { HandlerRun, type RunFacts, type RunScope } from './handler-run.js';
import type { RunningHandlers } from './running-handlers.js';

/** How long the store's own reasons to undo a transaction are repeated: locks of a killed client live for 88 s. */
const TRANSIENT_MAX_MS = 150_000;

const BACKOFF = { initialMs: 10, factor: 2, maxMs: 2_000, jitter: 0.2 };

/** One run of a handler whose writes and whose `done` are committed together. */
export interface TransactedRun {
  readonly scope: RunScope & { readonly random: Random };
  readonly claim: Claim;
  readonly running: RunningHandlers;
  readonly message: Message;
  readonly facts: RunFacts;
  readonly asker: Asker;
}

/** The store undid the transaction for a reason of its own: the same again, uncounted. */
interface Transient {
  readonly kind: 'transient';
  readonly error: unknown;
}

type Ran = { readonly verdict: Ending | Again } | { readonly error: unknown };

/**
 * Runs the handler inside a transaction whose first write is `claimed` → `done`, as often as the store undoes it for a
 * reason of its own. Every end but success undoes it. What comes back is `DONE` only if it is committed, or if
 * somebody else had settled the message.
 */
export async function runInTransaction(run: TransactedRun): Promise<Ending | Again> {
  const { clock, random } = run.scope;
  const untilMs = clock.monotonicMs() + TRANSIENT_MAX_MS;
  for (let retry = 1; ; retry += 1) {
    const outcome = await tryOnce(run);
    if (outcome.kind !== 'transient') return outcome;
    if (!run.asker.isOver && clock.monotonicMs() >= untilMs)
      return readThrown(outcome.error, run.scope.consumer.retry.never);
    await wait(clock, backoffDelayMs(BACKOFF, retry, random), run.asker.signal);
    if (run.asker.isOver) return INTERRUPTED;
  }
}

async function tryOnce(run: TransactedRun): Promise<Ending | Again | Transient> {
  const transaction = await run.claim.begin();
  if (transaction === 'lost') return INTERRUPTED;
  if (transaction === null) return lookAgain(run);
  const ran = await runHandler(run, transaction);
  if ('verdict' in ran && ran.verdict === DONE) return commit(run, transaction);
  await transaction.abort();
  if ('verdict' in ran) return ran.verdict;
  if (run.asker.signal.aborted) return INTERRUPTED; // cancelled by us it is not a failure of the handler
  if (isDuplicateEffect(ran.error, run.scope.consumer.onDuplicate)) return DONE;
  return read(run, ran.error);
}

/** The claim was lost before anything was done: whoever has it by now decides, or nobody and it is ours again. */
async function lookAgain({ claim, facts }: TransactedRun): Promise<Ending | Again | Transient> {
  const passage = await claim.take();
  if (passage === 'claimed') return { kind: 'transient', error: null };
  if (passage === 'lost') return INTERRUPTED;
  if (passage !== 'settled') return readBuried(passage, facts.attempt);
  claim.wasSettled();
  return DONE;
}

async function commit(
  run: TransactedRun,
  transaction: InboxTransaction,
): Promise<Ending | Again | Transient> {
  try {
    await transaction.commit(run.asker.signal);
  } catch (error) {
    return run.asker.signal.aborted ? INTERRUPTED : read(run, error);
  }
  run.claim.wasSettled();
  return DONE;
}

const read = ({ claim, scope }: TransactedRun, error: unknown): Again | Transient =>
  claim.isTransient(error) ? { kind: 'transient', error } : readThrown(error, scope.consumer.retry.never);

function runHandler(run: TransactedRun, { session }: InboxTransaction): Promise<Ran> {
  return new Promise((resolve) => {
    const owner = {
      runReturned: (_: HandlerRun, result: HandlerResult) =>
        resolve({ verdict: readVerdict(result, run.facts.attempt) }),
      runThrew: (_: HandlerRun, error: unknown) => resolve({ error }),
    };
    new HandlerRun(run.scope, owner, { ...run.facts, session }).start(run.message, run.running);
  });
}
