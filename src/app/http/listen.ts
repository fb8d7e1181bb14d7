import type { FastifyInstance } from 'fastify';
import { ConfigError } from '../../index.js';

interface Place {
  readonly host: string;
  readonly port: number;
}

/** What to change when the system does not let the server listen. */
const ALLOWED: Readonly<Record<string, (place: Place) => readonly ['HTTP_HOST' | 'HTTP_PORT', string]>> = {
  EADDRINUSE: ({ host }) => ['HTTP_PORT', `a port that nobody listens on at ${host}, or 0 for any free one`],
  EACCES: () => ['HTTP_PORT', 'a port that this user may listen on, as those above 1,023'],
  EADDRNOTAVAIL: () => ['HTTP_HOST', 'an address of this machine'],
  ENOTFOUND: () => ['HTTP_HOST', 'an address of this machine, or a name that leads to one'],
};

/** Listens and resolves with the address, as `http://127.0.0.1:3000`. Rejects with a ConfigError that names the setting. */
export async function listen(http: FastifyInstance, place: Place): Promise<string> {
  try {
    return await http.listen({ ...place });
  } catch (error) {
    const explain = ALLOWED[(error as NodeJS.ErrnoException).code ?? ''];
    if (explain === undefined) throw error;
    const [setting, allowed] = explain(place);
    throw new ConfigError([
      { setting, was: String(setting === 'HTTP_HOST' ? place.host : place.port), allowed },
    ]);
  }
}
