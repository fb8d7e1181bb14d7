import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import type { MessageBus } from '../../index.js';
import { featureUsageSchema } from '../../modules/feature-usage-log/feature-usage-log.schema.js';
import type { Modules } from '../modules.js';
import { check } from './check.js';
import { addIntake } from './intake.js';

const LIMIT_MAX = 1_000;

const pageSchema = z.object({ limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(50) });

/** `POST /usage` takes one usage event; `GET /usage/{user}?limit=` has those of a user, the newest first. */
export function addUsageRoutes(http: FastifyInstance, bus: MessageBus, { usage }: Modules): void {
  const { sendFeatureUsageLog } = usage.publisher(bus);
  addIntake(http, { path: '/usage', schema: featureUsageSchema, send: sendFeatureUsageLog });
  http.get<{ Params: { user: string } }>('/usage/:user', async ({ params, query }) => {
    const { limit } = check(pageSchema, query);
    return { user: params.user, usage: await usage.service.usageOf(params.user, limit) };
  });
}
