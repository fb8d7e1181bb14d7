import type { SkipBatch, SkipReport } from '../contract/dead-letter-desk.js';
import { BuscouplerError } from '../contract/errors.js';
import { parseLogPosition } from '../contract/log-position.js';
import type { DeskParts } from './desk-parts.js';

function refuse(what: string): never {
  throw new BuscouplerError('BC_DEFINITION_INVALID', what);
}

/** Steps over one batch that cannot be decoded, or tells which one that would be. */
export async function skipBatch(parts: DeskParts, options: SkipBatch): Promise<SkipReport> {
  const { position, execute = false } = options;
  const place = parseLogPosition(position);
  if (place === null) refuse(`"${position}" is no position; write topic/partition/offset.`);
  const consumer = parts.consumers.find(({ definition }) => definition.name === options.consumer)?.definition;
  if (consumer === undefined) refuse('skip() needs the name of a consumer.');
  if (!parts.brokers.includes('kafka')) refuse('Kafka is off; a queue has nothing to step over.');
  const port = await parts.open('kafka');
  const batch = execute ? port.skip?.(consumer, place) : port.findStuck?.(consumer, place);
  return { end: execute ? 'done' : 'preview', batch: (await batch) ?? null };
}
