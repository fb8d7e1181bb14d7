import { BuscouplerError, PublishFailedError, PublishUncertainError } from '../../index.js';
import { HttpProblem, type Problem } from './problem.js';

const RETRY_AFTER_SECONDS = 5;

/** Where an operator has to do something first. */
const RETRY_LATE_SECONDS = 60;

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  404: 'Not found',
  413: 'Too large',
  414: 'Path too long',
  415: 'Unsupported media type',
  431: 'Headers too large',
};

/** What the caller can do about an error of the framework, by its code. */
const DETAILS: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'The content type must be application/json.',
  FST_ERR_CTP_BODY_TOO_LARGE: 'The body is longer than this server takes.',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty; it must be a JSON object.',
};

/** What an error means to the caller; `null`: it is a fault of the server and told to nobody but the log. */
export function problemOf(error: unknown): Problem | null {
  if (error instanceof HttpProblem) return error.problem;
  if (error instanceof PublishFailedError || error instanceof PublishUncertainError)
    return unpublished(error);
  if (error instanceof BuscouplerError) return refused(error);
  if (!(error instanceof Error)) return null;
  if (/^Mongo/.test(error.name)) return unavailable('The store does not answer.');
  return ofFramework(error as Error & { readonly statusCode?: number; readonly code?: string });
}

const unavailable = (detail: string): Problem => ({
  status: 503,
  title: 'Not available',
  detail,
  retryAfterSeconds: RETRY_AFTER_SECONDS,
});

function unpublished(error: PublishFailedError | PublishUncertainError): Problem {
  const { id, brokers, retriable } = error;
  const what = error instanceof PublishFailedError ? 'was not stored' : 'may be stored in part';
  return {
    ...unavailable(`The message ${what}. Repeat the request with its id as Idempotency-Key.`),
    id,
    brokers,
    retryAfterSeconds: retriable ? RETRY_AFTER_SECONDS : RETRY_LATE_SECONDS,
  };
}

/** Refused before a broker saw it. What is wrong with a message is its sender's to know; the rest is ours. */
function refused(error: BuscouplerError): Problem | null {
  if (error.code === 'BC_MESSAGE_INVALID')
    return { status: 400, title: 'Bad request', detail: error.message };
  if (error.code === 'BC_MESSAGE_TOO_LARGE')
    return { status: 413, title: 'Too large', detail: error.message };
  if (error.code === 'BC_LIFECYCLE') return unavailable('The server is starting or closing.');
  return error.retriable ? unavailable('The message was not taken.') : null;
}

function ofFramework({
  statusCode = 500,
  code = '',
}: {
  readonly statusCode?: number;
  readonly code?: string;
}): Problem | null {
  if (statusCode < 400 || statusCode >= 500) return null;
  const detail = DETAILS[code] ?? 'The request cannot be read; the body must be JSON.';
  return { status: statusCode, title: TITLES[statusCode] ?? 'Bad request', detail };
}
