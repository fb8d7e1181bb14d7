import type { AnyConsumer } from '../../contract/consumer.js';
import { BuscouplerError } from '../../contract/errors.js';
import type { Survey } from '../../contract/survey.js';
import { deadLetterQueueOf, queueOf, retryQueuesOf } from '../../messages/names.js';
import { requestError } from './errors.js';
import type { Management } from './management.js';
import { checkQueue, type PlaceAccess, type QueueCounts } from './places.js';

/** What surveying needs. */
export interface SurveyContext {
  readonly access: PlaceAccess;
  /** `null`: its address is not configured. */
  readonly management: Management | null;
}

/** Counts what there is for a consumer, by passive declarations. Takes no message. */
export async function surveyConsumer(
  { access, management }: SurveyContext,
  consumer: AnyConsumer,
): Promise<Survey> {
  const name = queueOf(consumer);
  const work = await countsOf(access, name);
  const letters = await countsOf(access, deadLetterQueueOf(consumer));
  let retries = 0;
  for (const queue of retryQueuesOf(consumer)) retries += (await countsOf(access, queue))?.messageCount ?? 0;
  return {
    waiting: work?.messageCount ?? null,
    oldestAtMs: null,
    retries,
    deadLetters: letters?.messageCount ?? 0,
    readers: work?.consumerCount ?? 0,
    ...(work === null || management === null ? { unsettled: null } : await unsettledIn(management, name)),
  };
}

/** `null`: there is no such queue. */
async function countsOf(access: PlaceAccess, queue: string): Promise<QueueCounts | null> {
  try {
    return await checkQueue(access, queue);
  } catch (error) {
    if (error instanceof BuscouplerError && error.code === 'BC_PLACE_MISSING') return null;
    throw error;
  }
}

/** Only the management API tells; it measures every few seconds. */
async function unsettledIn(
  management: Management,
  queue: string,
): Promise<Pick<Survey, 'unsettled' | 'problem'>> {
  try {
    const answer = await management.get('queues', management.vhost, queue);
    const count = (answer?.body as { messages_unacknowledged?: unknown } | null | undefined)
      ?.messages_unacknowledged;
    return { unsettled: typeof count === 'number' ? count : null };
  } catch (thrown) {
    return { unsettled: null, problem: requestError(thrown, 'Asking the management API').message };
  }
}
