import type { FastifyInstance } from 'fastify';
import type { MessageBus } from '../../index.js';
import { creditsSchema, topUpSchema } from '../../modules/credits-process/credits-process.schema.js';
import { BALANCE_MAX, BalanceTooHighError } from '../../modules/credits-process/credits-process.store.js';
import type { Modules } from '../modules.js';
import { check } from './check.js';
import { addIntake } from './intake.js';
import { badRequest } from './problem.js';

/**
 * `POST /credits/start` and `/credits/end` take the messages of a request; `POST /credits/top-up` gives credits at once;
 * `GET /credits/{user}` has a balance, `GET /credits/{user}/requests/{request}` how far a request has come.
 */
export function addCreditsRoutes(http: FastifyInstance, bus: MessageBus, { credits }: Modules): void {
  const { sendCreditsProcess, sendCreditsProcessEnd } = credits.publisher(bus);
  const { service } = credits;
  addIntake(http, { path: '/credits/start', schema: creditsSchema, send: sendCreditsProcess });
  addIntake(http, { path: '/credits/end', schema: creditsSchema, send: sendCreditsProcessEnd });
  http.post('/credits/top-up', async ({ body }) => {
    const topUp = check(topUpSchema, body);
    try {
      return await service.topUp(topUp);
    } catch (error) {
      if (!(error instanceof BalanceTooHighError)) throw error;
      const allowed = `so much that the balance stays below ${BALANCE_MAX}`;
      throw badRequest([{ field: 'amount', was: String(topUp.amount), allowed }]);
    }
  });
  http.get<{ Params: { user: string } }>('/credits/:user', ({ params }) => service.balanceOf(params.user));
  http.get<{ Params: { user: string; request: string } }>(
    '/credits/:user/requests/:request',
    async ({ params: { user, request } }) => ({
      user,
      request,
      state: (await service.stateOf(user, request)) ?? 'unknown',
    }),
  );
}
