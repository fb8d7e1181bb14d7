import type mongoose from 'mongoose';
import type { Clock } from '../../contract/clock.js';
import type { StoreInspection } from '../../contract/inspection.js';
import { openRecords, type RecordsSpec, TTL_INDEX } from './open-records.js';

const NAMESPACE_NOT_FOUND = 26;

/** Looks at the server and at the TTL index; nothing is made. */
export async function inspectStore(
  connection: mongoose.Connection,
  spec: RecordsSpec,
  clock: Clock,
): Promise<StoreInspection> {
  await connection.asPromise();
  const askedAtMs = clock.epochMs();
  const hello = await connection.getClient().db('admin').command({ hello: 1 });
  const answeredAtMs = clock.epochMs();
  const indexes = await openRecords(connection, spec)
    .indexes()
    .catch((error) => {
      if (error?.code === NAMESPACE_NOT_FOUND) return [];
      throw error;
    });
  const ttl = indexes.find(({ name }) => name === TTL_INDEX);
  return {
    isReplicated: hello.setName !== undefined || hello.msg === 'isdbgrid',
    keptMs: ttl === undefined ? null : Number(ttl.expireAfterSeconds) * 1_000,
    clockAheadMs: Number(hello.localTime) - (askedAtMs + answeredAtMs) / 2,
  };
}
