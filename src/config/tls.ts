import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { TlsSettings } from '../contract/settings.js';
import type { Findings } from './findings.js';
import { pathKey } from './layers.js';
import type { ConfigValues } from './schema.js';

type TlsValues = ConfigValues['rabbitmq']['tls'];

/** What the paths of files are relative to. */
export interface BaseFolders {
  /** For variables and overrides. */
  readonly cwd: string;
  /** For the file: its own folder. */
  readonly fileFolder: string;
}

const PEM_START = '-----BEGIN ';

/** The path that a person gave, made absolute. */
export function absolutePath(
  path: readonly string[],
  value: string,
  at: BaseFolders & { findings: Findings },
) {
  const source = at.findings.merged.origins.get(pathKey(path))?.source;
  return resolve(source === 'file' ? at.fileFolder : at.cwd, value);
}

/** Reads certificates and keys; everything that is wrong becomes a finding. */
export async function readTls(
  broker: 'kafka' | 'rabbitmq',
  values: TlsValues,
  at: BaseFolders & { readonly findings: Findings },
): Promise<TlsSettings> {
  const { ca, cert, key, ...rest } = values;
  const read = (name: 'ca' | 'cert' | 'key', value: string | undefined) =>
    value === undefined ? undefined : readPem([broker, 'tls', name], value, at);
  const [caText, certText, keyText] = await Promise.all([
    read('ca', ca),
    read('cert', cert),
    read('key', key),
  ]);
  if ((cert === undefined) !== (key === undefined) && !at.findings.isBad([broker, 'tls', 'cert'])) {
    const missing = [broker, 'tls', cert === undefined ? 'cert' : 'key'];
    at.findings.refuse(missing, 'certificate and key of the client together, or neither');
  }
  warnAboutTrust(broker, rest.rejectUnauthorized, at.findings);
  return {
    rejectUnauthorized: rest.rejectUnauthorized,
    ...(caText !== undefined && { ca: caText }),
    ...(certText !== undefined && { cert: certText }),
    ...(keyText !== undefined && { key: keyText }),
    ...(rest.passphrase !== undefined && { passphrase: rest.passphrase }),
    ...(rest.serverName !== undefined && { serverName: rest.serverName }),
  };
}

async function readPem(
  path: readonly string[],
  value: string,
  at: BaseFolders & { readonly findings: Findings },
): Promise<string | undefined> {
  // Variables often carry a PEM text with `\n` written out.
  if (value.startsWith(PEM_START)) return value.replaceAll('\\n', '\n');
  try {
    const text = await readFile(absolutePath(path, value, at), 'utf8');
    if (text.includes(PEM_START)) return text;
    at.findings.refuse(path, 'a PEM text, or the path of a PEM file (the file holds none)');
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unreadable';
    at.findings.refuse(path, `a PEM text, or the path of a PEM file that can be read (${code})`);
  }
  return undefined;
}

function warnAboutTrust(broker: string, rejectUnauthorized: boolean, findings: Findings): void {
  if (rejectUnauthorized) return;
  const name = findings.nameOf([broker, 'tls', 'rejectUnauthorized']);
  findings.warnings.push(`${name} is false: any server can pass for the broker. Use it for tests only.`);
}
