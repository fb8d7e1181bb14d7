import { connect } from 'amqplib';
import type { Certificates } from '../certificates.js';
import { type FaultProxy, startProxy } from '../proxy.js';
import { inFirstPlace } from './in-first-place.js';
import type { Place } from './place.js';
import { claimPorts, type PortBlock, portAt } from './port-block.js';
import { askManagement } from './rabbitmq-management.js';
import {
  type RabbitLayout,
  type RabbitVersion,
  rabbitFiles,
  rabbitOffer,
  rabbitScripts,
} from './rabbitmq-scripts.js';
import { untilReady } from './ready.js';
import type { ServerProcess } from './server-process.js';

/** The RabbitMQ that is started, with the management plugin and the user guest. */
export interface RabbitOptions {
  readonly version: RabbitVersion;
  /** Lines added to rabbitmq.conf. */
  readonly config?: Readonly<Record<string, string>>;
  /** Adds a TLS listener with these certificates. */
  readonly tls?: Certificates;
  /** Refuses TLS clients without a certificate of the same authority. Default false. */
  readonly clientCertificates?: boolean;
  /** Puts a fault proxy before the plain listener. Default false. */
  readonly behindProxy?: boolean;
}

/** A running RabbitMQ that belongs to the caller alone. */
export interface RabbitServer {
  readonly version: RabbitVersion;
  /** `amqp://guest:guest@127.0.0.1:<port>`, through the proxy where there is one. */
  readonly url: string;
  /** `amqps://guest:guest@localhost:<port>`; undefined without `tls`. */
  readonly tlsUrl: string | undefined;
  /** `http://guest:guest@127.0.0.1:<port>`; ask it with `askManagement`. */
  readonly managementUrl: string;
  readonly proxy: FaultProxy | undefined;
  /** Its pid on this machine; undefined while it is down or in a container. */
  readonly pid: number | undefined;
  /** Ends it at once. Default signal `SIGKILL`. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Starts it again with its data and waits until it answers. */
  start(): Promise<void>;
  /** Freezes it: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Runs rabbitmqctl (1 to 2 s a call) and returns its output: `rabbitmqctl('add_vhost', 'orders')`. */
  rabbitmqctl(...words: string[]): Promise<string>;
  /**
   * Writes to disk where the quorum queues declared so far are. RabbitMQ itself does so only after some 2 s: a node
   * killed earlier comes back with the queue unusable and its confirmed messages gone (3.10.8 and 4.0.5, log line
   * `name_not_registered`). Call it between a declaration and a kill.
   */
  saveDeclarations(): Promise<void>;
  /** Raises the memory alarm, which blocks every publishing connection, or ends it. */
  memoryAlarm(raised: boolean): Promise<void>;
  /** Ends every process and removes every folder; may be called twice. */
  dispose(): Promise<void>;
}

/** Starts a RabbitMQ and waits until it answers (4 to 8 s); throws `ServerUnavailableError` where that is impossible. */
export function startRabbit(options: RabbitOptions): Promise<RabbitServer> {
  return inFirstPlace(rabbitOffer(options.version), (place) => startIn(place, options));
}

async function startIn(place: Place, options: RabbitOptions): Promise<RabbitServer> {
  const ports = await claimPorts();
  const layout = layoutOf(place, ports, options);
  const server = await place.prepare({
    name: `rabbitmq-${options.version}`,
    files: rabbitFiles(layout),
    ...rabbitScripts(layout),
    ports: [layout.port, layout.tlsPort, layout.managementPort],
  });
  const proxy = options.behindProxy
    ? await startProxy({ target: layout.port, port: portAt(ports, 5), protocol: 'amqp' })
    : undefined;
  const rabbit = controlsOf(layout, { server, proxy, place, ports });
  try {
    await rabbit.start();
    return rabbit;
  } catch (error) {
    await rabbit.dispose();
    throw error;
  }
}

function layoutOf(place: Place, ports: PortBlock, options: RabbitOptions): RabbitLayout {
  return {
    version: options.version,
    kind: place.kind,
    bindHost: place.bindHost,
    port: portAt(ports, 0),
    tlsPort: portAt(ports, 1),
    managementPort: portAt(ports, 2),
    nodePort: portAt(ports, 3),
    epmdPort: portAt(ports, 4),
    tls: options.tls,
    clientCertificates: options.clientCertificates ?? false,
    config: options.config ?? {},
  };
}

interface Parts {
  readonly server: ServerProcess;
  readonly proxy: FaultProxy | undefined;
  readonly place: Place;
  readonly ports: PortBlock;
}

function controlsOf(layout: RabbitLayout, parts: Parts): RabbitServer {
  const { server, proxy } = parts;
  let disposed: Promise<void> | undefined;
  const managementUrl = `http://guest:guest@127.0.0.1:${layout.managementPort}`;
  const rabbitmqctl = (...words: string[]): Promise<string> =>
    server.run(['rabbitmqctl', '--quiet', ...words]);
  return {
    version: layout.version,
    url: `amqp://guest:guest@127.0.0.1:${proxy?.port ?? layout.port}`,
    tlsUrl: layout.tls && `amqps://guest:guest@localhost:${layout.tlsPort}`,
    managementUrl,
    proxy,
    get pid() {
      return server.pid;
    },
    kill: (signal = 'SIGKILL') => server.end(signal),
    stop: () => server.end('SIGTERM'),
    async start() {
      await server.start();
      await untilReady(server, () => answers(layout.port, managementUrl));
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    rabbitmqctl,
    async saveDeclarations() {
      await rabbitmqctl('eval', '[dets:sync(Table) || Table <- dets:all()].');
    },
    async memoryAlarm(raised) {
      await rabbitmqctl('set_vm_memory_high_watermark', raised ? '0.000001' : '0.6');
    },
    dispose() {
      disposed ??= disposeOf(parts);
      return disposed;
    },
  };
}

async function disposeOf({ server, proxy, place, ports }: Parts): Promise<void> {
  await proxy?.close();
  await server.dispose();
  await ports.release();
  await place.dispose();
}

/** The listeners open last, so a login and an answer of the management API mean that all of it is there. */
async function answers(port: number, managementUrl: string): Promise<void> {
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${port}`, { timeout: 2_000 });
  await connection.close();
  await askManagement(managementUrl, '/api/overview');
}
