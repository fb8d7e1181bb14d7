import type { FastifyInstance } from 'fastify';
import type { MessageBus } from '../../index.js';
import type { Modules } from '../modules.js';
import { addCreditsRoutes } from './credits-routes.js';
import { addHealthRoutes } from './health-routes.js';
import type { Readiness } from './readiness.js';
import { addRegistrationRoutes } from './registration-routes.js';
import { addUsageRoutes } from './usage-routes.js';

/** What the routes work with. */
export interface RouteParts {
  readonly bus: MessageBus;
  readonly modules: Modules;
  readonly readiness: () => Readiness;
}

/** All routes of the server. */
export function addRoutes(http: FastifyInstance, { bus, modules, readiness }: RouteParts): void {
  addHealthRoutes(http, readiness);
  addUsageRoutes(http, bus, modules);
  addCreditsRoutes(http, bus, modules);
  addRegistrationRoutes(http, bus, modules);
}
