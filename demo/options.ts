import { parseArgs } from 'node:util';

/** How the demo was started. */
export type DemoOptions = { readonly kind: 'run'; readonly isReal: boolean } | { readonly kind: 'help' };

/** What `--help` prints. */
export const USAGE = `Usage: npm run demo [-- --real]

Publishes events to two brokers, moves their consumers from one broker to the other and one back,
and compares by message id what was published with what was handled.

  --real   on the brokers that the environment names, instead of the embedded ones:
           KAFKA_ENABLED=true     KAFKA_BROKERS=127.0.0.1:9092
           RABBITMQ_ENABLED=true  RABBITMQ_URL=amqp://user:password@127.0.0.1:5672
           It makes topics, exchanges and queues there whose names begin with "demo", and leaves them.
  --help   this text`;

/** Reads the arguments. Throws a TypeError that names what is unknown. */
export function readOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: { real: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  });
  return values.help ? { kind: 'help' } : { kind: 'run', isReal: values.real };
}
