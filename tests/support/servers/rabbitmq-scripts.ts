import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Certificates } from '../certificates.js';
import { entriesOf, serverCache } from './installed-servers.js';
import type { Offer, Place } from './place.js';

/** The two lines of RabbitMQ that are tested: before and after quorum queues got a delivery limit of their own. */
export type RabbitVersion = '3.10' | '4.0';

/** One RabbitMQ as its files and scripts see it. */
export interface RabbitLayout {
  readonly version: RabbitVersion;
  readonly kind: Place['kind'];
  readonly bindHost: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly managementPort: number;
  /** Erlang's own ports: the node's, and its name server's. */
  readonly nodePort: number;
  readonly epmdPort: number;
  readonly tls: Certificates | undefined;
  readonly clientCertificates: boolean;
  readonly config: Readonly<Record<string, string>>;
}

/** Where this version can run. */
export function rabbitOffer(version: RabbitVersion): Offer {
  return {
    image: `rabbitmq:${version}-management`,
    missing: () =>
      isInstalled(version, '/') || isInstalled(version, rootFolder(version))
        ? undefined
        : `RabbitMQ ${version} is not installed on this machine or in ${rootFolder(version)}`,
  };
}

/** A small Debian that holds a version which this machine's own packages do not have. */
function rootFolder(version: RabbitVersion): string {
  return join(serverCache(), `rabbitmq-${version}`);
}

function isInstalled(version: RabbitVersion, root: string): boolean {
  const releases = entriesOf(join(root, 'usr/lib/rabbitmq/lib'));
  return releases.some((release) => release.startsWith(`rabbitmq_server-${version}.`));
}

/** The files of a server's folder; paths in them are relative to it. */
export function rabbitFiles(layout: RabbitLayout): Record<string, string> {
  const lines = { ...plainConfig(layout), ...(layout.tls && tlsConfig(layout)), ...layout.config };
  return {
    'rabbitmq.conf': `${Object.entries(lines)
      .map(([name, value]) => `${name} = ${value}`)
      .join('\n')}\n`,
    enabled_plugins: '[rabbitmq_management].\n',
    'no-settings': '',
    'environment.sh': environment(layout),
    // Erlang asks for the name of the machine, which another root does not know.
    hosts: `127.0.0.1 localhost ${hostname()}\n`,
    'inside-start.sh': START,
    'inside-tool.sh': TOOL,
    ...(layout.tls && {
      'ca.pem': layout.tls.ca,
      'server.pem': layout.tls.server.certificate,
      'server.key': layout.tls.server.key,
    }),
  };
}

function plainConfig(layout: RabbitLayout): Record<string, string> {
  return {
    'listeners.tcp.1': `${layout.bindHost}:${layout.port}`,
    'management.tcp.ip': layout.bindHost,
    'management.tcp.port': String(layout.managementPort),
    // In a container the host's connections do not come from a loopback address.
    'loopback_users.guest': String(layout.kind === 'local'),
  };
}

function tlsConfig(layout: RabbitLayout): Record<string, string> {
  return {
    'listeners.ssl.1': `${layout.bindHost}:${layout.tlsPort}`,
    'ssl_options.cacertfile': 'ca.pem',
    'ssl_options.certfile': 'server.pem',
    'ssl_options.keyfile': 'server.key',
    'ssl_options.verify': layout.clientCertificates ? 'verify_peer' : 'verify_none',
    'ssl_options.fail_if_no_peer_cert': String(layout.clientCertificates),
  };
}

/** The scripts that become the server and its tools, by where this version is. */
export function rabbitScripts(layout: RabbitLayout): { start: string; tool: string } {
  if (layout.kind === 'docker') return CONTAINER_SCRIPTS;
  if (isInstalled(layout.version, '/')) return { start: START, tool: TOOL };
  const root = rootFolder(layout.version);
  return { start: inside(root, 'inside-start.sh'), tool: inside(root, 'inside-tool.sh') };
}

const CONTAINER_SCRIPTS = {
  start: `cp rabbitmq.conf /etc/rabbitmq/conf.d/90-test.conf && exec docker-entrypoint.sh rabbitmq-server\n`,
  tool: `exec "$@"\n`,
};

/** Nothing of the machine's own RabbitMQ is read or written, and Erlang listens on 127.0.0.1 alone. */
const environment = (layout: RabbitLayout): string => `
export PATH=/usr/lib/rabbitmq/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME="$PWD" LANG=C.UTF-8
export RABBITMQ_NODENAME=buscoupler@localhost RABBITMQ_DIST_PORT=${layout.nodePort}
export ERL_EPMD_PORT=${layout.epmdPort} ERL_EPMD_ADDRESS=127.0.0.1
export RABBITMQ_MNESIA_BASE="$PWD/data" RABBITMQ_LOG_BASE="$PWD/log" RABBITMQ_PID_FILE="$PWD/pid"
export RABBITMQ_CONFIG_FILE="$PWD/rabbitmq.conf" RABBITMQ_ADVANCED_CONFIG_FILE="$PWD/no-advanced.config"
export RABBITMQ_CONF_ENV_FILE="$PWD/no-settings" RABBITMQ_ENABLED_PLUGINS_FILE="$PWD/enabled_plugins"
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
export RABBITMQ_CTL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
`;

/** The name server is started first and in the foreground: started by the node it would be a daemon that outlives it. */
const START = `. ./environment.sh
epmd -address 127.0.0.1 -port $ERL_EPMD_PORT &
until epmd -port $ERL_EPMD_PORT -names >/dev/null 2>&1; do sleep 0.05; done
exec rabbitmq-server
`;

const TOOL = `. ./environment.sh
exec "$@"
`;

/**
 * Runs a script of the server's folder in another root, with that folder as its working directory. The mounts
 * belong to a namespace of their own and vanish with its last process.
 */
function inside(root: string, script: string): string {
  return `user=; [ "$(id -u)" = 0 ] || user=--map-root-user
export ROOT='${root}'
exec unshare $user --mount --propagation private sh -c '
mount --rbind /dev "$ROOT/dev" && mount --rbind /proc "$ROOT/proc" &&
mount --bind "$PWD" "$ROOT/srv/server" && mount --bind hosts "$ROOT/etc/hosts" &&
exec chroot "$ROOT" /bin/sh -c "cd /srv/server && . ./${script}" inside "$@"' inside "$@"
`;
}
