import { BuscouplerError, describeError, type ErrorCode } from '../../contract/errors.js';

/** What {@link createManagement} needs. */
export interface ManagementOptions {
  /** Base URL; may hold user and password, which are in no error. */
  readonly url: string;
  readonly vhost: string;
  /** Longest wait for one answer, ms. */
  readonly timeoutMs: number;
}

/** One answer of the management API. */
export interface ManagementAnswer {
  /** The parsed JSON. */
  readonly body: unknown;
  /** When the server says that it answered, ms since the Unix epoch; `null`: it does not. */
  readonly answeredAtMs: number | null;
}

/** RabbitMQ's management API. Rejects with BC_AUTHENTICATION, BC_PERMISSION, BC_PROTOCOL or BC_BROKER_UNAVAILABLE. */
export interface Management {
  readonly vhost: string;
  /** `null`: there is no such thing. The parts of the path are encoded here. */
  get(...path: readonly string[]): Promise<ManagementAnswer | null>;
}

const CODES: Readonly<Record<number, ErrorCode>> = { 401: 'BC_AUTHENTICATION', 403: 'BC_PERMISSION' };

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Credentials are sent as a header: `fetch` refuses them in a URL, and names the URL when it does. */
function readUrl(text: string): { readonly base: string; readonly shown: string; readonly headers: object } {
  const { origin, pathname, username, password, host } = new URL(text);
  const login = Buffer.from(`${decode(username) || 'guest'}:${decode(password) || 'guest'}`).toString(
    'base64',
  );
  const headers = { authorization: `Basic ${login}`, accept: 'application/json' };
  return { base: `${origin}${pathname.replace(/\/+$/, '')}/api`, shown: host, headers };
}

/** The management API at a URL. */
export function createManagement({ url, vhost, timeoutMs }: ManagementOptions): Management {
  const { base, shown, headers } = readUrl(url);
  const at = `The management API at ${shown}`;
  const ask = async (path: string): Promise<{ response: Response; text: string }> => {
    try {
      const request = { headers: headers as Record<string, string>, signal: AbortSignal.timeout(timeoutMs) };
      const response = await fetch(`${base}/${path}`, request);
      return { response, text: await response.text() };
    } catch (cause) {
      throw new BuscouplerError('BC_BROKER_UNAVAILABLE', `${at} cannot be reached: ${reasonOf(cause)}.`, {
        cause,
      });
    }
  };
  return {
    vhost,
    async get(...parts) {
      const path = parts.map(encodeURIComponent).join('/');
      const { response, text } = await ask(path);
      if (response.status === 404) return null;
      if (!response.ok) {
        const code = CODES[response.status] ?? 'BC_BROKER_UNAVAILABLE';
        throw new BuscouplerError(code, `${at} answered ${response.status} to /api/${path}.`);
      }
      const answeredAtMs = Date.parse(response.headers.get('date') ?? '');
      return { body: parse(text, at), answeredAtMs: Number.isNaN(answeredAtMs) ? null : answeredAtMs };
    },
  };
}

/** The cause of a failed `fetch` says more than its own "fetch failed". */
function reasonOf(thrown: unknown): string {
  const cause = (thrown as { cause?: unknown } | null)?.cause;
  const code = (cause as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : describeError(thrown);
}

function parse(text: string, at: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BuscouplerError('BC_PROTOCOL', `${at} did not answer JSON.`, { cause });
  }
}
