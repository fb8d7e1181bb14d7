/**
 * Asks RabbitMQ's management API and returns the parsed answer, undefined when it is empty. The address may hold
 * user and password. Method `PUT` when there is a body, unless another is named. Throws on any status but 2xx.
 */
export async function askManagement(
  managementUrl: string,
  path: string,
  request: { method?: string; body?: unknown } = {},
): Promise<unknown> {
  const { origin, username, password } = new URL(managementUrl);
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const response = await fetch(origin + path, {
    method: request.method ?? (request.body === undefined ? 'GET' : 'PUT'),
    headers: {
      authorization: `Basic ${Buffer.from(login).toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${answer}`);
  return answer === '' ? undefined : JSON.parse(answer);
}
