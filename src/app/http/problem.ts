import type { FastifyReply } from 'fastify';
import type { Receipt } from '../../index.js';

/** One thing that is wrong with a request. */
export interface FieldProblem {
  /** Dotted path in the body, or the name of the parameter or header. */
  readonly field: string;
  /** As JSON, cut when long. */
  readonly was: string;
  readonly allowed: string;
}

/** Why a request was not done, as its answer says it (RFC 9457). It holds no stack, address or secret of the server. */
export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly problems?: readonly FieldProblem[];
  /** Message id: repeat the request with it as `Idempotency-Key`. */
  readonly id?: string;
  /** What each broker did. */
  readonly brokers?: Receipt['brokers'];
  /** When to try again, s; sent as `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

/** A request that is refused on purpose. */
export class HttpProblem extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.name = 'HttpProblem';
    this.problem = problem;
  }
}

/** Refuses a request for what is wrong with its fields. */
export const badRequest = (problems: readonly FieldProblem[]): HttpProblem =>
  new HttpProblem({
    status: 400,
    title: 'Bad request',
    detail: `${problems.length === 1 ? 'One value is' : `${problems.length} values are`} not allowed; nothing was done.`,
    problems,
  });

/** Answers with a problem. */
export function sendProblem(reply: FastifyReply, { retryAfterSeconds, ...problem }: Problem): FastifyReply {
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds));
  return reply.code(problem.status).type('application/problem+json').send(problem);
}
