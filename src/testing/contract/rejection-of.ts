import assert from 'node:assert/strict';
import { BuscouplerError } from '../../contract/errors.js';
import type { BrokerName } from '../../contract/message.js';
import type { BrokerOutcome } from '../../contract/message-bus.js';
import { PublishFailedError, PublishUncertainError } from '../../contract/publish-errors.js';

/** What a promise rejects with; it must be an error of ours. */
export async function rejectionOf(promise: Promise<unknown>): Promise<BuscouplerError> {
  const error = await promise.then(
    (value) => assert.fail(`resolved with ${JSON.stringify(value)} instead of rejecting`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof BuscouplerError, `rejected with ${String(error)}, which is no error of ours`);
  return error;
}

/** A publish that was sent and did not satisfy its policy. */
export async function publishRejection(
  promise: Promise<unknown>,
): Promise<PublishFailedError | PublishUncertainError> {
  const error = await rejectionOf(promise);
  const isPublish = error instanceof PublishFailedError || error instanceof PublishUncertainError;
  assert.ok(isPublish, `rejected with ${error.code}: ${error.message}`);
  return error;
}

/** What each broker of a rig should have done: `expected` on the one in question, stored on the others. */
export function outcomesWith(
  brokers: readonly { readonly name: BrokerName }[],
  one: BrokerName,
  expected: BrokerOutcome,
): Partial<Record<BrokerName, BrokerOutcome>> {
  return Object.fromEntries(brokers.map(({ name }) => [name, name === one ? expected : 'stored']));
}
