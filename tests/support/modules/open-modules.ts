import { type CreateBusOptions, createBus, createLogger, loadConfig } from '../../../src/index.js';
import type { ServerModule } from '../../../src/modules/server-module.js';
import { createRecorder } from '../../../src/testing/index.js';

type Parts = Pick<ServerModule<unknown>, 'topics' | 'consumers'>;

/** What the bus says of messages that were not simply done. */
const ENDS = ['attempt-failed', 'dropped', 'dead-lettered'] as const;

/** A started, silent bus with modules; `told` has a line per {@link ENDS}, as `dropped feature-usage u1`. */
export async function openModules(
  modules: readonly Parts[],
  given: Partial<CreateBusOptions> & { readonly env?: Readonly<Record<string, string>> } = {},
) {
  const { env = { EMBEDDED: 'true' }, ...options } = given;
  const bus = await createBus({
    config: await loadConfig(env, { file: false }),
    topics: modules.flatMap(({ topics }) => topics),
    consumers: modules.flatMap(({ consumers }) => consumers),
    logger: createLogger({ level: 'silent' }),
    ...options,
  });
  const told = createRecorder<string>('ends of messages');
  for (const name of ENDS) bus.on(name, ({ consumer, id }) => told.add(`${name} ${consumer} ${id}`));
  await bus.start();
  return { bus, told };
}
