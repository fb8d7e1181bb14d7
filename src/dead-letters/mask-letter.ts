import type { ExportedLetter } from '../contract/dead-letter-desk.js';
import { MASK } from '../messages/redact.js';

/** Shorter texts occur by chance; masking them would blacken innocent words. */
const SECRET_MIN_LENGTH = 8;

/** The letter without secrets of the configuration, wherever in it they stand. */
export function maskLetter(letter: ExportedLetter, secrets: readonly string[]): ExportedLetter {
  const masked = secrets.filter((secret) => secret.length >= SECRET_MIN_LENGTH);
  return masked.length === 0 ? letter : (mask(letter, masked) as ExportedLetter);
}

function mask(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string')
    return secrets.reduce((text, secret) => text.replaceAll(secret, MASK), value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => mask(one, secrets));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, mask(one, secrets)]));
}
