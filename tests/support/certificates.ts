import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerUnavailableError } from './servers/server-unavailable.js';

/** A certificate and its private key (PKCS #8), both PEM. */
export interface CertifiedKey {
  readonly certificate: string;
  readonly key: string;
}

/** Throw-away certificates of one authority. */
export interface Certificates {
  /** The authority's certificate, PEM. */
  readonly ca: string;
  /** For `localhost` and 127.0.0.1. */
  readonly server: CertifiedKey;
  /** For a client called `buscoupler-client`. */
  readonly client: CertifiedKey;
}

/** Makes a new authority and a server and a client certificate (about 0.2 s); throws `ServerUnavailableError` where there is no openssl. */
export function createCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'buscoupler-certificates-'));
  try {
    openssl(folder, [
      'req',
      '-x509',
      ...newKey('ca'),
      '-subj',
      '/CN=buscoupler test authority',
      '-days',
      '2',
      '-out',
      'ca.pem',
    ]);
    return {
      ca: readFileSync(join(folder, 'ca.pem'), 'utf8'),
      server: certify(folder, 'localhost', 'subjectAltName=DNS:localhost,IP:127.0.0.1'),
      client: certify(folder, 'buscoupler-client', 'extendedKeyUsage=clientAuth'),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A certificate with this name and one X.509 extension, signed by the folder's authority. */
function certify(folder: string, name: string, extension: string): CertifiedKey {
  writeFileSync(join(folder, `${name}.ext`), extension);
  openssl(folder, ['req', ...newKey(name), '-subj', `/CN=${name}`, '-out', `${name}.csr`]);
  const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
  const signed = ['-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`];
  openssl(folder, ['x509', '-req', '-in', `${name}.csr`, ...signer, ...signed]);
  return {
    certificate: readFileSync(join(folder, `${name}.pem`), 'utf8'),
    key: readFileSync(join(folder, `${name}.key`), 'utf8'),
  };
}

function newKey(name: string): string[] {
  return ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`];
}

function openssl(folder: string, words: readonly string[]): void {
  try {
    execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new ServerUnavailableError('openssl is not installed', 'install it with your package manager');
  }
}
