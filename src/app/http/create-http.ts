import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { Logger } from '../../index.js';
import { sendProblem } from './problem.js';
import { problemOf } from './problem-of.js';

/** Longest body, bytes. A message is smaller on every broker. */
const BODY_MAX_BYTES = 256 * 1024;

/** Longest wait for a whole request, ms: a sender that never ends holds no connection for ever. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Longest part of a path that is a parameter, as a user's name, percent-encoded. */
const PARAMETER_MAX_LENGTH = 3_000;

/** An HTTP server without routes: JSON only, every refusal a problem, no stack or secret in an answer. */
export function createHttp(logger: Logger): FastifyInstance {
  const answer = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    answerError(logger, error, { request, reply });
  const http = fastify({
    logger: false,
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: PARAMETER_MAX_LENGTH },
    forceCloseConnections: 'idle',
    // What arrives on an open connection during a shutdown is served while the bus is there; the connection ends with it.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) =>
      void answer(error, request as FastifyRequest, reply as FastifyReply),
  });
  http.removeContentTypeParser('text/plain');
  http.setErrorHandler<FastifyError>((error, request, reply) => answer(error, request, reply));
  http.setNotFoundHandler((request, reply) =>
    sendProblem(reply, {
      status: 404,
      title: 'Not found',
      detail: `There is no ${request.method} at this path.`,
    }),
  );
  return http;
}

function answerError(
  logger: Logger,
  error: unknown,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
): FastifyReply {
  const problem = problemOf(error);
  const route = `${request.method} ${request.routeOptions?.url ?? ''}`;
  if (problem === null) logger.error({ err: error, route }, `${route} failed`);
  else if (problem.status >= 500) logger.warn({ err: error, route }, `${route} was not done`);
  const hidden = { status: 500, title: 'Server error', detail: 'The server failed; its log says why.' };
  return sendProblem(reply, problem ?? hidden);
}
