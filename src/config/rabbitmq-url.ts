const ENCODE = 'percent-encode `@`, `:`, `/`, `%`, `#` and `?` in user, password and vhost';
const SHAPE = '`amqp(s)://user:password@host:port/vhost`';

/** Why a text is no URL of RabbitMQ, as what is allowed instead; `null` if it is one. */
export function rabbitmqUrlProblem(text: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: URL drops line ends silently, so they are refused here
  if (/[\u0000-\u0020\u007f]/.test(text)) return `${SHAPE} without spaces and line ends`;
  if (!/^amqps?:\/\//i.test(text)) return SHAPE;
  if (!URL.canParse(text)) return `${SHAPE}; ${ENCODE}`;
  const url = new URL(text);
  if (url.hostname === '') return `${SHAPE} with a host`;
  if (url.search !== '')
    return `${SHAPE} without "?": heartbeat and timeouts have their own settings; ${ENCODE}`;
  // A raw "/" or "#" in a password ends the host early: the rest of it and the "@" are then found behind the host.
  if (url.hash !== '' || url.pathname.includes('@')) return `${SHAPE}; ${ENCODE}`;
  if (url.pathname.indexOf('/', 1) !== -1) return `${SHAPE} with one "/" before vhost; ${ENCODE}`;
  if (url.port === '0' || /^[^/]*\/\/[^/]*:(?:\/|$)/.test(text))
    return `${SHAPE} with a port from 1 to 65535`;
  return isDecodable(url) ? null : `${SHAPE}; ${ENCODE}`;
}

function isDecodable({ username, password, pathname }: URL): boolean {
  try {
    decodeURIComponent(username + password + pathname);
    return true;
  } catch {
    return false;
  }
}

/**
 * The URL in full: user and password (default `guest`, as RabbitMQ's own clients have it), port and vhost (default `/`)
 * are always there and percent-encoded.
 */
export function completeRabbitmqUrl(text: string): string {
  const url = new URL(text);
  const encode = (part: string): string => encodeURIComponent(decodeURIComponent(part));
  const user = url.username === '' ? 'guest' : encode(url.username);
  const password = url.username === '' && url.password === '' ? 'guest' : encode(url.password);
  const port = url.port === '' ? (url.protocol === 'amqps:' ? '5671' : '5672') : url.port;
  const vhost = url.pathname.length > 1 ? encode(url.pathname.slice(1)) : '%2F';
  return `${url.protocol}//${user}:${password}@${url.hostname}:${port}/${vhost}`;
}
