import type { PublishOutcome } from '../contract/broker.js';
import type { BuscouplerError, ErrorCode } from '../contract/errors.js';
import type { BrokerName } from '../contract/message.js';
import type { OutboxRow } from '../contract/outbox.js';

/** Publishes one row to one broker and resolves with its answer; never rejects. */
export type SendRow = (row: OutboxRow, broker: BrokerName) => Promise<PublishOutcome>;

/** Told how the rows of a chain end. */
export interface ChainOwner {
  /** False: this row and those behind it are not ours to send any more. */
  readonly mayGoOn: (row: OutboxRow) => boolean;
  readonly send: (row: OutboxRow) => Promise<PublishOutcome>;
  readonly onStored: (row: OutboxRow) => void;
  /** It will never be taken as things are; the chain goes on behind it. */
  readonly onRefused: (row: OutboxRow, error: BuscouplerError) => void;
  /** Not now; the chain ends here, so that nothing overtakes it. */
  readonly onFailed: (row: OutboxRow, error: BuscouplerError) => void;
}

/** What is wrong with the message or its place, not with the broker or the connection. */
const FOR_GOOD: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BC_DEFINITION_INVALID',
  'BC_MESSAGE_INVALID',
  'BC_MESSAGE_TOO_LARGE',
  'BC_NAME_INVALID',
  'BC_PERMISSION',
  'BC_PLACE_CONFLICT',
  'BC_PLACE_MISSING',
  'BC_UNROUTABLE',
]);

/** The rows by order, each in the order in which they were read. */
export function chainsOf(rows: readonly OutboxRow[]): Map<string, OutboxRow[]> {
  const chains = new Map<string, OutboxRow[]>();
  for (const row of rows) {
    const chain = chains.get(row.order);
    if (chain === undefined) chains.set(row.order, [row]);
    else chain.push(row);
  }
  return chains;
}

/** Sends rows of one order, each after the one before it is stored: nothing that fails is overtaken by its successor. */
export async function sendChain(chain: readonly OutboxRow[], owner: ChainOwner): Promise<void> {
  for (const row of chain) {
    if (!owner.mayGoOn(row)) return;
    const outcome = await owner.send(row);
    if (outcome.status === 'stored') {
      owner.onStored(row);
      continue;
    }
    const { error } = outcome;
    if (!FOR_GOOD.has(error.code)) return owner.onFailed(row, error);
    owner.onRefused(row, error);
  }
}
