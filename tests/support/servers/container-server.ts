import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ContainerRuntimeClient, GenericContainer, StartedTestContainer } from 'testcontainers';
import type { ServerProcess } from './server-process.js';

/** The working directory of every server in a container. */
export const CONTAINER_FOLDER = '/server';

/** A server in a container; its data stays in the container until that is disposed of. */
export function containerServer(client: ContainerRuntimeClient, container: GenericContainer): ServerProcess {
  let started: StartedTestContainer | undefined;
  const handle = () => client.container.dockerode.getContainer(started?.getId() ?? '');
  const isUp = async (): Promise<boolean> =>
    started !== undefined && (await handle().inspect()).State.Running;
  return {
    pid: undefined,
    async start() {
      if (started) await handle().start();
      else started = await container.start();
    },
    async pause() {
      await handle().pause();
    },
    async resume() {
      await handle().unpause();
    },
    async end(signal) {
      if (!(await isUp())) return;
      const exited = handle().wait();
      if ((await handle().inspect()).State.Paused) await handle().unpause();
      await handle().kill({ signal });
      await exited;
    },
    isUp,
    async run(words) {
      const { exitCode, output, stderr } = await running(started).exec(['sh', 'tool.sh', ...words]);
      if (exitCode !== 0) throw new Error(`${words.join(' ')} failed: ${stderr || output}`);
      return output;
    },
    async log() {
      const lines: Readable | undefined = await started?.logs({ tail: 20 });
      return lines ? await text(lines) : '(no output)';
    },
    async dispose() {
      await started?.stop({ timeout: 0, remove: true, removeVolumes: true });
    },
  };
}

function running(container: StartedTestContainer | undefined): StartedTestContainer {
  if (!container) throw new Error('this server has not been started');
  return container;
}
