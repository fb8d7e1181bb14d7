import { createServer, type Server } from 'node:net';

/** Ten neighbouring ports of 127.0.0.1 that belong to one server of one test process. */
export interface PortBlock {
  /** The nine ports that the server may use. */
  readonly ports: readonly number[];
  /** Gives the block back. */
  release(): Promise<void>;
}

const BLOCK_SIZE = 10;
/** Below the range from which Linux (32768) and macOS (49152) take the ports of outgoing connections. */
const FIRST_PORT = 20_000;
const LAST_PORT = 30_000;

/**
 * Claims ten ports that nobody else can be given: the first one is held open as the claim for as long as this
 * process has the block, so that two processes cannot choose the same one, and a claim dies with its process.
 */
export async function claimPorts(): Promise<PortBlock> {
  const blocks = (LAST_PORT - FIRST_PORT) / BLOCK_SIZE;
  const offset = Math.floor(Math.random() * blocks);
  for (let tried = 0; tried < blocks; tried += 1) {
    const first = FIRST_PORT + ((offset + tried) % blocks) * BLOCK_SIZE;
    const claim = await listen(first);
    if (!claim) continue;
    const ports = Array.from({ length: BLOCK_SIZE - 1 }, (_, index) => first + 1 + index);
    if (await allFree(ports)) return { ports, release: () => close(claim) };
    await close(claim);
  }
  throw new Error(`no ${BLOCK_SIZE} neighbouring free ports between ${FIRST_PORT} and ${LAST_PORT}`);
}

/** The port at `index` (0 to 8) of a block. */
export function portAt(block: PortBlock, index: number): number {
  const port = block.ports[index];
  if (port === undefined) throw new RangeError(`a block has no port ${index}`);
  return port;
}

async function allFree(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) {
    const server = await listen(port);
    if (!server) return false;
    await close(server);
  }
  return true;
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
