import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { askAt } from '../support/app/ask.js';
import { type SpawnedApp, spawnApp } from '../support/app/spawn-app.js';
import { ROOT } from '../support/run-program.js';

const EMBEDDED = { EMBEDDED: 'true' };

const USAGE = { feature_endpoint: 'chat', user: 'ann', email: 'ann@example.com' };

let cwd: string;
let apps: SpawnedApp[];
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'server-test-'));
  apps = [];
});
afterEach(async () => {
  for (const app of apps) app.kill('SIGKILL');
  await Promise.all(apps.map(({ end }) => end));
  rmSync(cwd, { recursive: true });
});

function start(env: Readonly<Record<string, string>>, ...args: string[]): SpawnedApp {
  const app = spawnApp(env, { args, cwd });
  apps.push(app);
  return app;
}

/** Opens a request whose body never comes, and waits until the server has begun with it. */
async function openEndlessRequest(address: string): Promise<void> {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined); // cut in the end
  socket.write('POST /usage HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n');
  socket.write('content-length: 10\r\nexpect: 100-continue\r\n\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toContain('100 Continue');
}

describe('npm start', () => {
  test('on embedded brokers takes a usage event, stores it once and warns that all is in memory', async () => {
    const app = start(EMBEDDED);
    await app.line('The server is ready');
    const { get, post } = askAt(await app.address());
    expect(await get('/health/live')).toMatchObject({ status: 200, body: { status: 'live' } });
    const ready = { status: 'ready', state: 'started', parts: [] };
    expect(await get('/health/ready')).toMatchObject({ status: 200, body: ready });
    // One user's messages run one after another: when the last one is there, its repeated forerunner has been handled.
    for (const id of ['one', 'one', 'two']) {
      const { status, body } = await post('/usage', USAGE, { 'idempotency-key': id });
      expect({ status, id: body.id }).toEqual({ status: 202, id });
    }
    const stored = async (): Promise<string[]> =>
      (await get('/usage/ann')).body.usage.map((log: { messageId: string }) => log.messageId);
    while (!(await stored()).includes('two'));
    expect(await stored()).toEqual(['two', 'one']);
    app.kill('SIGTERM');
    const { code, stderr, stdout } = await app.end;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('EMBEDDED=true: the brokers are in the memory of this process');
    expect(stdout).toContain('MONGODB_URL is not set');
    expect(stdout).toContain('The server has closed; nothing was left');
  });

  test('is ended in order through npm, which gets the signal and has to wait', async () => {
    // Empty variables win over a developer's own .env.
    const env = { ...EMBEDDED, MONGODB_URL: '', BUSCOUPLER_FILE: '' };
    const app = spawnApp(env, { command: ['npm', 'start', '--silent', '--prefix', ROOT], cwd });
    apps.push(app);
    await app.line('The server is ready');
    app.kill('SIGTERM');
    const { code, stdout } = await app.end;
    expect(code).toBe(0);
    expect(stdout).toContain('The server has closed; nothing was left');
  });

  test('reads .env of the working directory, over which the environment wins', async () => {
    writeFileSync(join(cwd, '.env'), 'EMBEDDED=true\nHTTP_HOST=no host\n');
    const app = start({ HTTP_HOST: '127.0.0.1' });
    await app.line('The server is ready');
    app.kill('SIGINT');
    expect((await app.end).code).toBe(0);
  });
});

describe('npm start does not start', () => {
  test.each([
    [{}, 'KAFKA_ENABLED, RABBITMQ_ENABLED: was both off'],
    [{ ...EMBEDDED, HTTP_PORT: 'http' }, 'HTTP_PORT: was "http"; allowed: a whole number from 0 to 65,535'],
    [{ ...EMBEDDED, LOG_LEVEL: 'loud' }, 'LOG_LEVEL: was "loud"'],
    [{ ...EMBEDDED, CONSUMER_NOBODY_BROKER: 'kafka' }, 'CONSUMER_NOBODY_BROKER'],
    [
      { ...EMBEDDED, HTTP_HOST: '203.0.113.1' },
      'HTTP_HOST: was 203.0.113.1; allowed: an address of this machine',
    ],
    [{ KAFKA_ENABLED: 'true', KAFKA_BROKERS: '127.0.0.1:1' }, 'MONGODB_URL: was not set'],
    [{ ...EMBEDDED, BUSCOUPLER_FILE: 'missing.json' }, 'missing.json'],
  ])('with %j', async (env, said) => {
    const { code, stderr, stdout } = await start(env).end;
    expect(code).toBe(1);
    expect(stderr).toContain(said);
    expect(stderr).toMatch(/^The server could not start\. .+\n$/);
    expect(stdout).not.toContain('listens');
  });

  test('on a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    try {
      const { code, stderr } = await start({ ...EMBEDDED, HTTP_PORT: String(port) }).end;
      expect(code).toBe(1);
      expect(stderr).toBe(
        `The server could not start. HTTP_PORT: was ${port}; allowed: a port that nobody listens on at 127.0.0.1, or 0 for any free one [BC_CONFIG_INVALID]\n`,
      );
    } finally {
      other.close();
    }
  });

  test('without a MongoDB that answers, whose password it does not tell', async () => {
    const url = 'mongodb://ann:hunter22@127.0.0.1:1/app?serverSelectionTimeoutMS=200';
    const { code, stderr, stdout } = await start({ ...EMBEDDED, MONGODB_URL: url }).end;
    expect(code).toBe(1);
    expect(stderr).toContain('MONGODB_URL: was an address where MongoDB cannot be used');
    expect(stderr + stdout).not.toContain('hunter22');
  });

  test('with an option that is none', async () => {
    const { code, stderr } = await start(EMBEDDED, '--colour').end;
    expect(code).toBe(64);
    expect(stderr).toContain('--colour');
    expect(stderr).toContain('--config <file>');
  });
});

describe('a signal', () => {
  test('cuts off at the deadline a request that never ends', async () => {
    const app = start({ ...EMBEDDED, SHUTDOWN_TIMEOUT_MS: '300' });
    await openEndlessRequest(await app.address());
    await app.line('The server is ready');
    app.kill('SIGTERM');
    expect(await app.end).toMatchObject({ code: 0, stderr: '' });
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('that comes a second time, %s, ends it at once', async (signal, code) => {
    const app = start({ ...EMBEDDED, SHUTDOWN_TIMEOUT_MS: '3600000' });
    await openEndlessRequest(await app.address());
    await app.line('The server is ready');
    app.kill('SIGTERM');
    await app.line('the server takes nothing more');
    // The first moments count as the echo of one signal.
    const again = setInterval(() => app.kill(signal), 50);
    const end = await app.end.finally(() => clearInterval(again));
    expect(end.code).toBe(code);
  });
});
