import type { FastifyInstance } from 'fastify';
import type { Readiness } from './readiness.js';

/**
 * `GET /health/live`: 200 while the process answers. `GET /health/ready`: 200 while requests can be served, else 503; the
 * body says which parts are in the way.
 */
export function addHealthRoutes(http: FastifyInstance, readiness: () => Readiness): void {
  http.get('/health/live', () => ({ status: 'live' }));
  http.get('/health/ready', (_, reply) => {
    const { isReady, state, parts } = readiness();
    reply.code(isReady ? 200 : 503).header('cache-control', 'no-store');
    return { status: isReady ? 'ready' : 'not ready', state, parts };
  });
}
