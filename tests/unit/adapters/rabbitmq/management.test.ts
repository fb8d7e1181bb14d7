import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { createManagement, type Management } from '../../../../src/adapters/rabbitmq/management.js';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** The API at a server that answers so; user and password need decoding. */
async function answering(listener: RequestListener, path = ''): Promise<Management> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return createManagement({
    url: `http://us%40r:hu%3Ash@127.0.0.1:${port}${path}`,
    vhost: '/',
    timeoutMs: 200,
  });
}

test('asks with user and password, every part of the path encoded, below the path of the URL', async () => {
  const asked: unknown[] = [];
  const api = await answering(({ url, headers }, response) => {
    asked.push([url, headers.authorization]);
    response.end('{"name":"a/b"}');
  }, '/rabbit/');
  const answer = await api.get('queues', api.vhost, 'a/b');
  expect(answer?.body).toEqual({ name: 'a/b' });
  expect(Math.abs((answer?.answeredAtMs ?? 0) - Date.now())).toBeLessThan(2_000);
  const login = Buffer.from('us@r:hu:sh').toString('base64');
  expect(asked).toEqual([['/rabbit/api/queues/%2F/a%2Fb', `Basic ${login}`]]);
});

test('what is not there is null', async () => {
  const api = await answering((_, response) => void response.writeHead(404).end('{"error":"not_found"}'));
  expect(await api.get('queues', '/', 'gone')).toBeNull();
});

test.each([
  [401, 'BC_AUTHENTICATION'],
  [403, 'BC_PERMISSION'],
  [500, 'BC_BROKER_UNAVAILABLE'],
])('the status %i is %s, without the password', async (status, code) => {
  const api = await answering((_, response) => void response.writeHead(status).end('hu:sh'));
  const failed = api.get('overview');
  await expect(failed).rejects.toMatchObject({ code, message: expect.not.stringMatching(/hu.{0,3}sh/) });
});

test('what is no JSON, is silent or is away is told, without the password', async () => {
  const html = await answering((_, response) => void response.end('<html>'));
  await expect(html.get('overview')).rejects.toMatchObject({ code: 'BC_PROTOCOL' });
  server?.close();
  const silent = await answering(() => undefined);
  const failed = silent.get('overview');
  await expect(failed).rejects.toMatchObject({
    code: 'BC_BROKER_UNAVAILABLE',
    message: expect.not.stringMatching(/hu.{0,3}sh/),
  });
  const away = createManagement({ url: 'http://u:hush@127.0.0.1:1', vhost: '/', timeoutMs: 200 });
  await expect(away.get('overview')).rejects.toMatchObject({
    message: expect.stringMatching(/^The management API at 127\.0\.0\.1:1 cannot be reached: (?!.*hush)/),
  });
});
