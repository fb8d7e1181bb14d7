/** An answer as a test looks at it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly body: any;
}

/** Asks an HTTP server at an address, as `http://127.0.0.1:3000`. Each request has a connection of its own. */
export const askAt = (address: string) => ({
  get: (path: string): Promise<Answer> => ask(`${address}${path}`, {}),
  /** A text is sent as it is, anything else as JSON. */
  post: (path: string, payload: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    ask(`${address}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof payload === 'string' ? payload : JSON.stringify(payload),
    }),
});

async function ask(url: string, init: RequestInit): Promise<Answer> {
  const { headers, ...rest } = init;
  const answer = await fetch(url, { ...rest, headers: { connection: 'close', ...headers } });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.includes('json') === true;
  return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
}
