import { BuscouplerError } from '../../contract/errors.js';

/** Where one RabbitMQ server is and who we are there. */
export interface Address {
  readonly isTls: boolean;
  readonly hostname: string;
  readonly port: number;
  readonly vhost: string;
  readonly username: string;
  readonly password: string;
  /** For events and errors: no user, no password. */
  readonly text: string;
}

const PORTS = { 'amqp:': 5672, 'amqps:': 5671 } as const;

/** Percent-decoding as UTF-8; text that is no valid encoding is taken as it stands. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Reads `amqp(s)://user:password@host:port/vhost`. By hand because amqplib decodes user and password as Latin-1. No
 * vhost means `/`, no user means guest. Throws BC_CONFIG_INVALID without repeating the URL: it may hold a password.
 */
export function parseAddress(url: string): Address {
  const parts = URL.canParse(url) ? new URL(url) : null;
  if (
    parts === null ||
    (parts.protocol !== 'amqp:' && parts.protocol !== 'amqps:') ||
    parts.hostname === ''
  ) {
    throw new BuscouplerError(
      'BC_CONFIG_INVALID',
      'A RabbitMQ URL is not of the form amqp(s)://user:password@host:port/vhost with percent-encoded parts.',
    );
  }
  const hasUser = parts.username !== '' || parts.password !== '';
  const hostname = parts.hostname.replace(/^\[|\]$/g, '');
  const port = parts.port === '' ? PORTS[parts.protocol] : Number(parts.port);
  const vhost = decode(parts.pathname.slice(1)) || '/';
  const shownHost = hostname.includes(':') ? `[${hostname}]` : hostname;
  return {
    isTls: parts.protocol === 'amqps:',
    hostname,
    port,
    vhost,
    username: hasUser ? decode(parts.username) : 'guest',
    password: hasUser ? decode(parts.password) : 'guest',
    text: `${parts.protocol}//${shownHost}:${port}${vhost === '/' ? '' : `/${encodeURIComponent(vhost)}`}`,
  };
}
