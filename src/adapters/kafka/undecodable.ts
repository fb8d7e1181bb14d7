import { BuscouplerError } from '../../contract/errors.js';
import type { AdminClient, FetchedBatch } from './driver.js';

/** How far a partition is read to find what stopped its consumer, bytes; one fetch brings no more of it. */
const SEARCH_BYTES = 2 * 1024 * 1024;

/** Failures of the network and of the group; whatever else ends a consumer is looked for in what it reads. */
const KNOWN_FAILURE =
  /^KafkaJS(Connection|RequestTimeout|Broker|NoBroker|GroupCoordinator|Lock|Timeout|SASL|MetadataNotLoaded|TopicMetadata|ServerDoesNotSupport)/;

/** True if a consumer that ended with this may have met a batch that cannot be decoded. */
export function mayBeUndecodable(thrown: unknown): boolean {
  let error = thrown as { name?: unknown; type?: unknown; cause?: unknown } | null | undefined;
  for (let depth = 0; depth < 8 && typeof error === 'object' && error !== null; depth += 1) {
    if (error instanceof BuscouplerError) return error.code === 'BC_UNDECODABLE';
    if (typeof error.type === 'string') return false;
    if (typeof error.name === 'string' && KNOWN_FAILURE.test(error.name)) return false;
    error = error.cause as typeof error;
  }
  return true;
}

/** Where a search begins. */
export interface SearchPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Name of the consumer that is stuck. */
  readonly consumer: string;
}

/** A batch that cannot be decoded, and what stands before it. */
export interface Culprit {
  readonly offset: bigint;
  readonly error: BuscouplerError;
  readonly before: readonly FetchedBatch[];
}

const bytesOf = (batch: FetchedBatch): number =>
  batch.records.reduce((sum, { value, key }) => sum + (value?.length ?? 0) + (key?.length ?? 0) + 64, 0);

/**
 * Reads one partition batch by batch until one cannot be decoded; `null`: none. The client's error names no topic,
 * partition or offset, so each partition is read by itself.
 */
export async function findUndecodable(admin: AdminClient, place: SearchPlace): Promise<Culprit | null> {
  const before: FetchedBatch[] = [];
  let { offset } = place;
  for (let bytes = 0; bytes < SEARCH_BYTES; ) {
    try {
      const batch = await admin.readOne({ ...place, offset });
      const last = batch?.records.at(-1);
      if (batch === null || last === undefined) return null;
      before.push(batch);
      bytes += bytesOf(batch);
      offset = BigInt(last.offset) + 1n;
    } catch (thrown) {
      if (!mayBeUndecodable(thrown)) throw thrown;
      return { offset, error: undecodable({ ...place, offset }, thrown), before };
    }
  }
  return null;
}

function undecodable(place: SearchPlace, thrown: unknown): BuscouplerError {
  const { topic, partition, offset, consumer } = place;
  const reason = thrown instanceof BuscouplerError ? `: ${thrown.message.split('. ')[0]}.` : '.';
  const what = `A batch in "${topic}", partition ${partition}, at offset ${offset} cannot be decoded${reason}`;
  const how = `To step over it, add "${topic}/${partition}/${offset}" to consumers.${consumer}.kafka.skip.`;
  return new BuscouplerError('BC_UNDECODABLE', `${what} ${how}`, { cause: thrown });
}
