import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import type { ContainerRuntimeClient, GenericContainer, StartedNetwork, WaitStrategy } from 'testcontainers';
import { CONTAINER_FOLDER, containerServer } from './container-server.js';
import type { Place } from './place.js';

/** A Docker daemon that answers, or why there is none. */
export type DockerPlace = { readonly place: Place } | { readonly place: undefined; readonly reason: string };

/** Looks for a Docker daemon; an image says which kind of server the place will run. */
export async function dockerPlace(image: string): Promise<DockerPlace> {
  if (!mayHaveDocker()) return { place: undefined, reason: 'no Docker daemon' };
  try {
    const { getContainerRuntimeClient } = await import('testcontainers');
    return { place: containerPlace(await getContainerRuntimeClient(), image) };
  } catch (error) {
    return { place: undefined, reason: `the Docker daemon does not answer (${(error as Error).message})` };
  }
}

/** Loading testcontainers takes a second: where no daemon can be, it is not loaded. */
function mayHaveDocker(): boolean {
  if (process.env.DOCKER_HOST || process.platform === 'win32') return true;
  const runtimeFolder = process.env.XDG_RUNTIME_DIR ?? '/run/user/0';
  const sockets = [
    '/var/run/docker.sock',
    `${runtimeFolder}/docker.sock`,
    `${homedir()}/.docker/run/docker.sock`,
    `${homedir()}/.testcontainers.properties`,
  ];
  return sockets.some((path) => existsSync(path));
}

function containerPlace(client: ContainerRuntimeClient, image: string): Place {
  let network: Promise<StartedNetwork> | undefined;
  return {
    kind: 'docker',
    bindHost: '0.0.0.0',
    hostOf: (plan) => plan,
    async prepare(plan) {
      const { Network } = await import('testcontainers');
      network ??= new Network().start();
      const container = (await loopbackContainer(image))
        .withNetwork(await network)
        .withNetworkAliases(plan.name)
        .withUser('root')
        .withWorkingDir(CONTAINER_FOLDER)
        .withEntrypoint(['sh', 'start.sh'])
        .withExposedPorts(...plan.ports.map((port) => ({ container: port, host: port })))
        .withCopyContentToContainer(contents({ ...plan.files, 'start.sh': plan.start, 'tool.sh': plan.tool }))
        .withWaitStrategy(doNotWait);
      return containerServer(client, container);
    },
    async dispose() {
      await (await network)?.stop();
    },
  };
}

function contents(files: Readonly<Record<string, string>>): { content: string; target: string }[] {
  return Object.entries(files).map(([name, content]) => ({ content, target: `${CONTAINER_FOLDER}/${name}` }));
}

/** A container image whose ports are published on 127.0.0.1 alone; the library would publish them on every address. */
async function loopbackContainer(image: string): Promise<GenericContainer> {
  const { GenericContainer } = await import('testcontainers');
  class LoopbackContainer extends GenericContainer {
    protected override async beforeContainerCreated(): Promise<void> {
      const bindings: Record<string, { HostIp?: string }[]> = this.hostConfig.PortBindings ?? {};
      for (const binding of Object.values(bindings).flat()) binding.HostIp = '127.0.0.1';
    }
  }
  return new LoopbackContainer(image);
}

/** Whether a server answers is found out by a client of its protocol, wherever it runs. */
const doNotWait: WaitStrategy = {
  waitUntilReady: async () => {},
  withStartupTimeout: () => doNotWait,
  isStartupTimeoutSet: () => true,
  getStartupTimeout: () => 0,
};
