import type { ReadLetters, StoredLetter } from '../../contract/broker.js';
import type { AnyConsumer } from '../../contract/consumer.js';
import { BuscouplerError } from '../../contract/errors.js';
import { HEADERS } from '../../messages/header-names.js';
import { readText } from '../../messages/headers.js';
import { deadLetterTopicOf } from '../../messages/names.js';
import type { AdminClient } from './driver.js';
import { type Insistence, insist, passesOnceSeen } from './insist.js';
import { LetterLog } from './letter-log.js';

/** What reading dead letters needs. */
export interface LettersContext extends Insistence {
  readonly admin: AdminClient;
}

/**
 * The dead letters of a consumer, oldest first: the partitions of its dead-letter topic are merged by time, each read from
 * its first record to the one that was the last when the reading began. No group is joined and nothing is committed, so
 * it can be read as often as one likes. Letters of other consumers of the topic are left out.
 */
export async function* readLetters(
  context: LettersContext,
  consumer: AnyConsumer,
  { signal }: ReadLetters = {},
): AsyncGenerator<StoredLetter> {
  const topic = deadLetterTopicOf(consumer);
  const logs = await openLogs(context, topic);
  while (signal?.aborted !== true) {
    const oldest = await oldestOf(logs);
    if (oldest === null) return;
    const letter = oldest.take();
    const owner = readText(letter.message.headers, HEADERS.failedConsumer);
    if (owner === null || owner === consumer.name) yield letter;
  }
}

async function openLogs(context: LettersContext, topic: string): Promise<LetterLog[]> {
  const { admin } = context;
  const what = `The dead letters in "${topic}" could not be read`;
  if ((await insist(context, what, () => admin.describe(topic))) === null) {
    throw new BuscouplerError('BC_PLACE_MISSING', `The dead-letter topic "${topic}" does not exist.`);
  }
  const seen = { ...context, passes: passesOnceSeen };
  const ask = <Answer>(question: () => Promise<Answer>): Promise<Answer> => insist(seen, what, question);
  const ends = await ask(() => admin.edgeOffsets(topic, 'end'));
  const firsts = new Map(
    (await ask(() => admin.edgeOffsets(topic, 'first'))).map(({ partition, offset }) => [partition, offset]),
  );
  return ends.map(({ partition, offset: end }) => {
    const place = { topic, partition, offset: firsts.get(partition) ?? 0n };
    return new LetterLog(place, { end, admin, ask });
  });
}

/** The partition whose next letter is the oldest; `null`: all are read. */
async function oldestOf(logs: readonly LetterLog[]): Promise<LetterLog | null> {
  let oldest: LetterLog | null = null;
  for (const log of logs) {
    if (!(await log.fill())) continue;
    if (oldest === null || log.nextMs < oldest.nextMs) oldest = log;
  }
  return oldest;
}
