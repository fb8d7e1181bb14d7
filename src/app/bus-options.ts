import type { CreateBusOptions } from '../index.js';
import { assemble } from './assemble.js';
import { readEnvironment } from './environment.js';

/**
 * What the server gives to `createBus`, for the command line: `npm run buscoupler -- <command> --config src/app/bus-options.ts`.
 * Reads the same variables as the server; connects to MongoDB, and to no broker.
 */
export default async function busOptions(): Promise<CreateBusOptions> {
  const { options } = await assemble(readEnvironment());
  return options;
}
