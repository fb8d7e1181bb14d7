import { BuscouplerError, type ErrorCode, type ErrorOptions } from './errors.js';
import type { BrokerName } from './message.js';
import type { BrokerOutcome, Receipt } from './message-bus.js';

/** Why each broker did not store, by name. */
export type BrokerErrors = Readonly<Partial<Record<BrokerName, BuscouplerError>>>;

function summarise(receipt: Receipt, errors: BrokerErrors): string {
  return Object.entries(receipt.brokers)
    .map(([broker, outcome]) => {
      const error = errors[broker as BrokerName];
      return error === undefined
        ? `${broker} ${outcome}`
        : `${broker} ${outcome} (${error.code}: ${error.message})`;
    })
    .join('; ');
}

/** A publish that did not satisfy its policy. */
class PublishError extends BuscouplerError {
  readonly id: string;
  readonly brokers: Readonly<Partial<Record<BrokerName, BrokerOutcome>>>;
  /** Why, per broker. */
  readonly errors: BrokerErrors;

  constructor(
    code: ErrorCode,
    { receipt, errors, what }: { receipt: Receipt; errors: BrokerErrors; what: string },
  ) {
    const list = Object.values(errors);
    const options: ErrorOptions = { cause: list[0], retriable: list.some((error) => error.retriable) };
    super(code, `${what}: ${summarise(receipt, errors)}.`, options);
    this.id = receipt.id;
    this.brokers = receipt.brokers;
    this.errors = errors;
  }
}

/** The message is stored nowhere. */
export class PublishFailedError extends PublishError {
  constructor(receipt: Receipt, errors: BrokerErrors) {
    super('BC_PUBLISH_FAILED', { receipt, errors, what: `Message ${receipt.id} was not published` });
  }
}

/** The message is stored on some brokers, or it is not known; repeating it with the same id is safe. */
export class PublishUncertainError extends PublishError {
  constructor(receipt: Receipt, errors: BrokerErrors) {
    super('BC_PUBLISH_UNCERTAIN', {
      receipt,
      errors,
      what: `Message ${receipt.id} may be published in part`,
    });
  }
}
