import { BuscouplerError, describeError } from '../contract/errors.js';
import type { Inbox, InboxCopy, InboxState } from '../contract/inbox.js';
import type { DeskConsumer } from './desk-parts.js';
import type { KnownState } from './replay-message.js';

/** Runs a look-up or write of the store; whatever it throws becomes BC_INBOX_UNAVAILABLE. */
export async function askStore<Answer>(ask: () => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof BuscouplerError) throw error;
    const what = `The store of the inbox did not answer (${describeError(error)}).`;
    throw new BuscouplerError('BC_INBOX_UNAVAILABLE', what, { cause: error });
  }
}

/**
 * What the inbox knows of copies. A memory inbox that has no record may be that of another process than the one that
 * handles the consumer: then nobody can say.
 */
export async function statesOf(
  inbox: Inbox | null,
  { definition }: DeskConsumer,
  copies: readonly InboxCopy[],
): Promise<readonly KnownState[]> {
  if (inbox === null || !definition.inbox) return copies.map(() => 'unknown');
  const states: readonly (InboxState | null)[] = await askStore(() =>
    inbox.statesOf(definition.name, copies),
  );
  return states.map((state) => state ?? (inbox.isShared ? 'absent' : 'unknown'));
}
