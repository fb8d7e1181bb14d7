const HOST = /^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9_.-]{0,252}))$/i;

/** Why a text is no `host:port`; `null` if it is one. */
export function brokerAddressProblem(address: string): string | null {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon);
  const port = address.slice(colon + 1);
  if (colon < 1 || !HOST.test(host)) return 'no `host:port`';
  return isPort(port) ? null : 'no port from 1 to 65535';
}

/** True for a decimal port number from 1 to 65535. */
const isPort = (text: string): boolean =>
  /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
