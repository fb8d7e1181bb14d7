import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Answer, askAt } from '../../support/app/ask.js';
import { type SpawnedApp, spawnApp } from '../../support/app/spawn-app.js';
import { describeWithServers } from '../../support/servers/describe-with-servers.js';
import { type MongodbServer, startMongodb } from '../../support/servers/mongodb.js';

const USAGE = { feature_endpoint: 'chat', user: 'ann', email: 'ann@example.com' };

describeWithServers('the server while MongoDB is away', { own: ['mongodb'] }, () => {
  let mongodb: MongodbServer;
  let cwd: string;
  let app: SpawnedApp | undefined;
  beforeAll(async () => {
    mongodb = await startMongodb();
    cwd = mkdtempSync(join(tmpdir(), 'server-test-'));
  }, 60_000);
  afterAll(async () => {
    app?.kill('SIGKILL');
    await app?.end;
    rmSync(cwd, { recursive: true });
    await mongodb?.dispose();
  }, 60_000);

  test('takes events all the same, says that it is not ready, refuses to read, and ends in order', async () => {
    const url = new URL(mongodb.url);
    url.pathname = '/outage';
    url.searchParams.set('serverSelectionTimeoutMS', '500');
    url.searchParams.set('heartbeatFrequencyMS', '500');
    app = spawnApp({ EMBEDDED: 'true', MONGODB_URL: url.href, SHUTDOWN_TIMEOUT_MS: '1000' }, { cwd });
    await app.line('The server is ready');
    const { get, post } = askAt(await app.address());
    expect((await get('/health/ready')).status).toBe(200);

    await mongodb.kill();
    let ready: Answer = await get('/health/ready');
    while (ready.status === 200) ready = await get('/health/ready');
    expect(ready.body.parts).toContainEqual({ part: 'mongodb', state: 'disconnected' });
    expect((await get('/health/live')).status).toBe(200);
    const read = await get('/usage/ann');
    expect({ status: read.status, after: read.headers.get('retry-after') }).toEqual({
      status: 503,
      after: '5',
    });
    expect(read.body.detail).toBe('The store does not answer.');
    expect((await post('/usage', USAGE)).status).toBe(202);

    app.kill('SIGTERM');
    const { code, stderr } = await app.end;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  }, 60_000);
});
