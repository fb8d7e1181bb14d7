import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import type { MessageBus } from '../../index.js';
import { userRegistrationSchema } from '../../modules/user-registration/user-registration.schema.js';
import type { Modules } from '../modules.js';
import { check } from './check.js';
import { addIntake } from './intake.js';

const daySchema = z.object({ day: z.iso.date() });

/** `POST /registrations` takes one; `GET /registrations/{day}` counts those of a day (`2026-11-25`). */
export function addRegistrationRoutes(
  http: FastifyInstance,
  bus: MessageBus,
  { registration }: Modules,
): void {
  const { sendUserRegistration } = registration.publisher(bus);
  addIntake(http, { path: '/registrations', schema: userRegistrationSchema, send: sendUserRegistration });
  http.get('/registrations/:day', async ({ params }) => {
    const { day } = check(daySchema, params);
    return { day, users: await registration.store.countOf(day) };
  });
}
