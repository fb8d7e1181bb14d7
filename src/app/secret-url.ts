const MASK = '***';

/** The text with every literal secret in it masked; libraries quote what they were given. */
export const maskSecrets = (text: string, secrets: readonly string[]): string =>
  secrets.reduce((masked, secret) => masked.replaceAll(secret, MASK), text);

/** User and password of a URL as literal texts, the URL itself and percent-encoded forms too: for masking in logs. */
export function secretsIn(url: string): string[] {
  const [, , credentials = ''] = /^([a-z0-9+.-]+:\/\/)(.*)@/is.exec(url) ?? [];
  if (credentials === '') return [];
  const password = credentials.slice(credentials.indexOf(':') + 1);
  return [...new Set([url, credentials, password, decoded(password)])].filter((text) => text !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
