import type { FastifyInstance, FastifyRequest } from 'fastify';
import type * as z from 'zod';
import type { Receipt } from '../../index.js';
import { check } from './check.js';
import { badRequest } from './problem.js';

/** One kind of message that the API takes. */
export interface Intake<Input> {
  readonly path: string;
  readonly schema: z.ZodType<unknown, Input>;
  /** Publishes what the caller sent. */
  readonly send: (data: Input, options: { readonly id?: string }) => Promise<Receipt>;
}

/** Message ids are at most 255 bytes, on RabbitMQ too. */
const KEY_FORM = /^[\x21-\x7e]{1,255}$/;

const KEY_ALLOWED = '1 to 255 visible ASCII characters';

/** The header `Idempotency-Key`, which becomes the message id. Throws a problem if it cannot be one. */
export function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && KEY_FORM.test(key)) return key;
  const was = JSON.stringify(key).slice(0, 80);
  throw badRequest([{ field: 'Idempotency-Key', was, allowed: KEY_ALLOWED }]);
}

/**
 * `POST` of one kind of message: 202 with its id and what each broker did, once the route's policy is satisfied. A request
 * that is repeated with the same `Idempotency-Key` has its effect once.
 */
export function addIntake<Input>(http: FastifyInstance, { path, schema, send }: Intake<Input>): void {
  http.post(path, async (request, reply) => {
    check(schema, request.body);
    const id = idempotencyKeyOf(request);
    // The caller's own value is published: the schema has its effect at the handler.
    const receipt = await send(request.body as Input, id === undefined ? {} : { id });
    return reply.code(202).send(receipt);
  });
}
