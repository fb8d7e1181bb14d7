import type { PlaceArguments, QueueDetails } from '../contract/inspection.js';

/** Names of arguments that differ; what one side does not have differs too. */
export function differingArguments(declared: PlaceArguments, present: PlaceArguments): string[] {
  const names = [...new Set([...Object.keys(declared), ...Object.keys(present)])];
  return names.filter((name) => declared[name] !== present[name]).sort();
}

/** An argument for people. */
export const showArgument = (args: PlaceArguments, name: string): string =>
  args[name] === undefined ? `no ${name}` : `${name}=${JSON.stringify(args[name])}`;

/** What is in force in a queue: of two numbers the smaller one, otherwise the argument before the policy. */
export class InForce {
  readonly #details: Pick<QueueDetails, 'arguments' | 'policy'>;

  constructor(details: Pick<QueueDetails, 'arguments' | 'policy'>) {
    this.#details = details;
  }

  /** A limit; `null`: none. The name is that of the policy, without `x-`. */
  limit(name: string): number | null {
    const { arguments: args, policy } = this.#details;
    const given = [args[`x-${name}`], policy?.[name]].filter((one) => typeof one === 'number');
    return given.length === 0 ? null : Math.min(...given);
  }

  /** A text; `null`: none. */
  text(name: string): string | null {
    const { arguments: args, policy } = this.#details;
    const value = args[`x-${name}`] ?? policy?.[name];
    return typeof value === 'string' ? value : null;
  }
}
