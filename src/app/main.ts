import { readArguments, USAGE } from './arguments.js';
import { describeFailure } from './describe-failure.js';
import { readEnvironment } from './environment.js';
import { openServer } from './open-server.js';
import { stopOnSignals } from './stop-on-signal.js';

const EXIT = { done: 0, failed: 1, usage: 64 } as const;

/** Writes the one thing that went wrong and ends. */
function fail(what: string, code: number): never {
  process.stderr.write(`${what}\n`);
  process.exit(code);
}

function argumentsOrUsage(): ReturnType<typeof readArguments> {
  try {
    return readArguments(process.argv.slice(2));
  } catch (error) {
    return fail(`${(error as Error).message}\n\n${USAGE}`, EXIT.usage);
  }
}

const { isHelp, file } = argumentsOrUsage();
if (isHelp) {
  process.stdout.write(`${USAGE}\n`);
  process.exit(EXIT.done);
}

const env = readEnvironment();
const explain = (error: unknown): string => describeFailure(error, env);
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => fail(`The server failed. ${explain(error)}`, EXIT.failed));

/** Ended by a signal: what it cuts off is no failure. */
let isStopping = false;
let server: Awaited<ReturnType<typeof openServer>> | null = null;

stopOnSignals(process, (signal) => {
  isStopping = true;
  // Nothing is taken before the server is built.
  if (server === null) process.exit(EXIT.done);
  server.shutDown(signal).then(
    () => process.exit(EXIT.done),
    (error: unknown) => fail(`The server could not close in order. ${explain(error)}`, EXIT.failed),
  );
});

try {
  server = await openServer(env, file === null ? {} : { file });
  await server.start();
} catch (error) {
  if (!isStopping) fail(`The server could not start. ${explain(error)}`, EXIT.failed);
}
