/** What a code means to the caller: whether trying again can help, and the one sentence that says what to do. */
export interface ErrorFacts {
  readonly retriable: boolean;
  readonly cure: string;
}

/** Every code that Buscoupler raises. `docs/reference/errors.md` is checked against this table by a test. */
export const ERRORS = {
  BC_CONFIG_INVALID: { retriable: false, cure: 'Correct the settings that the message names.' },
  BC_DEFINITION_INVALID: {
    retriable: false,
    cure: 'Correct the topic or consumer definition that the message names.',
  },
  BC_NAME_INVALID: {
    retriable: false,
    cure: 'Use letters, digits, ".", "_" and "-", at most 249 characters.',
  },
  BC_LIFECYCLE: { retriable: false, cure: 'Call start() before using the bus, and nothing after close().' },
  BC_BROKER_UNAVAILABLE: {
    retriable: true,
    cure: 'Check that the broker runs and that its address is right.',
  },
  BC_AUTHENTICATION: {
    retriable: false,
    cure: 'Check user, password and mechanism, and the permissions of that user.',
  },
  BC_TLS: {
    retriable: false,
    cure: 'Check the certificate authority, the host name and whether the port speaks TLS.',
  },
  BC_PROTOCOL: { retriable: false, cure: 'Check that host and port are those of this kind of broker.' },
  BC_PERMISSION: { retriable: false, cure: 'Grant the user the permission that the message names.' },
  BC_PLACE_MISSING: {
    retriable: false,
    cure: 'Create the topic, exchange or queue, or define the topic so that it is created.',
  },
  BC_PLACE_CONFLICT: {
    retriable: false,
    cure: 'Map the existing topic, exchange or queue as it is instead of declaring it anew.',
  },
  BC_MESSAGE_INVALID: { retriable: false, cure: 'Correct the message; it was not sent.' },
  BC_MESSAGE_EXPIRED: {
    retriable: false,
    cure: 'Nothing to do if it is not wanted any more; otherwise publish it with a later expiresAt.',
  },
  BC_MESSAGE_TOO_LARGE: {
    retriable: false,
    cure: 'Store the payload elsewhere and send a reference, or raise the limit of every broker.',
  },
  BC_PUBLISH_FAILED: { retriable: true, cure: 'Publish again; it was stored nowhere.' },
  BC_PUBLISH_UNCERTAIN: {
    retriable: true,
    cure: 'Publish again with the same id; copies that were stored are recognised by it.',
  },
  BC_PUBLISH_TIMEOUT: {
    retriable: true,
    cure: 'Publish again with the same id, or raise publish.timeoutMs.',
  },
  BC_PUBLISH_ABORTED: {
    retriable: true,
    cure: 'Publish again with the same id if the message is still wanted.',
  },
  BC_PUBLISH_OVERFLOW: {
    retriable: true,
    cure: 'Publish slower: await earlier publishes, or raise publish.maxWaiting.',
  },
  BC_PUBLISH_REFUSED: {
    retriable: true,
    cure: 'Look at the broker: a full queue, a full disk or a policy refuses messages.',
  },
  BC_UNROUTABLE: {
    retriable: false,
    cure: 'Bind a queue to the exchange, or set unroutable: "accept" on the topic.',
  },
  BC_HANDLER_TIMEOUT: {
    retriable: true,
    cure: 'Make the handler faster or raise the timeoutMs of the consumer.',
  },
  BC_HANDLER_FAILED: { retriable: true, cure: 'Look at the cause: the handler threw it.' },
  BC_CONSUMER_UNKNOWN: { retriable: false, cure: 'Use the name of a consumer that the bus was given.' },
  BC_MOVE_REFUSED: { retriable: false, cure: 'Remove what the message names, then move the consumer again.' },
  BC_UNDECODABLE: {
    retriable: false,
    cure: 'Install the codec, or skip the record at the position that the message names.',
  },
  BC_SKIP_REFUSED: {
    retriable: false,
    cure: 'Stop every member of the group first, or name the position in consumers.<name>.kafka.skip of the watched file.',
  },
  BC_INBOX_UNAVAILABLE: {
    retriable: true,
    cure: 'Check the store of the inbox; consumption goes on when it answers.',
  },
  BC_OUTBOX_UNAVAILABLE: {
    retriable: true,
    cure: 'Check the store of the outbox; what is in it is sent when it answers.',
  },
  BC_OUTBOX_DUPLICATE: {
    retriable: false,
    cure: 'Abort the transaction: it is lost. Publish an id once per topic; an earlier transaction has stored this one.',
  },
  BC_TRANSACTION_REQUIRED: {
    retriable: false,
    cure: 'Start a transaction on the session, and publish with it before the commit.',
  },
  BC_OUTSIDE_WINDOW: {
    retriable: false,
    cure: 'Set outsideWindow of the consumer to "run" or "dead-letter", or raise maxMessageAge and the TTL of the inbox.',
  },
  BC_TRANSACTIONS_UNSUPPORTED: {
    retriable: false,
    cure: 'Run the store as a replica set, or take transaction: true off the consumer.',
  },
} as const satisfies Record<string, ErrorFacts>;

/** A stable code; programs branch on it, never on the message. */
export type ErrorCode = keyof typeof ERRORS;

/** Options of {@link BuscouplerError}. */
export interface ErrorOptions {
  /** What was thrown underneath. */
  readonly cause?: unknown;
  /** Overrides the code's default. */
  readonly retriable?: boolean;
}

/** The one base class of every error that Buscoupler raises. `message` says what happened and ends with the cure. */
export class BuscouplerError extends Error {
  readonly code: ErrorCode;
  /** True if the same call can succeed later without a change. */
  readonly retriable: boolean;

  constructor(code: ErrorCode, what: string, options: ErrorOptions = {}) {
    super(`${what} ${ERRORS[code].cure}`, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
    this.code = code;
    this.retriable = options.retriable ?? ERRORS[code].retriable;
  }
}

/** One bad setting: its name, what it was (secrets masked) and what is allowed. */
export interface ConfigProblem {
  readonly setting: string;
  readonly was: string;
  readonly allowed: string;
}

/** All bad settings of one configuration, reported together. */
export class ConfigError extends BuscouplerError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map((p) => `\n  ${p.setting}: was ${p.was}; allowed: ${p.allowed}`);
    super('BC_CONFIG_INVALID', `The configuration has ${problems.length} bad value(s):${lines.join('')}\n`);
    this.problems = problems;
  }
}

/** The message of a caught value, whatever was thrown (`undefined`, a frozen cyclic object, a throwing getter). */
export function describeError(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return thrown.message || thrown.name;
    return typeof thrown === 'string' ? thrown : `a thrown ${thrown === null ? 'null' : typeof thrown}`;
  } catch {
    return 'an error that cannot be read';
  }
}
