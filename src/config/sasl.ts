import { readFile } from 'node:fs/promises';
import { BuscouplerError } from '../contract/errors.js';
import type { SaslSettings } from '../contract/settings.js';
import type { Findings } from './findings.js';
import type { ConfigValues } from './schema.js';
import { absolutePath, type BaseFolders } from './tls.js';

type SaslValues = ConfigValues['kafka']['sasl'];

const at = (name: keyof SaslValues): readonly string[] => ['kafka', 'sasl', name];

/** The credentials of Kafka; `undefined` when none are configured or they are incomplete, which is then a finding. */
export function resolveSasl(
  values: SaslValues,
  context: BaseFolders & { readonly findings: Findings },
): SaslSettings | undefined {
  const { findings } = context;
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  if (given.length === 0 || findings.isBad(at('mechanism'))) return undefined;
  if (values.mechanism === undefined) {
    const others = given.map(([name]) => findings.nameOf(at(name as keyof SaslValues))).join(', ');
    findings.refuse(at('mechanism'), `one of the mechanisms, as ${others} is set`);
    return undefined;
  }
  return values.mechanism === 'oauthbearer'
    ? resolveToken(values, context)
    : resolvePassword(values.mechanism, values, findings);
}

function resolvePassword(
  mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512',
  { username, password }: SaslValues,
  findings: Findings,
): SaslSettings | undefined {
  if (username !== undefined && password !== undefined) return { mechanism, username, password };
  for (const name of ['username', 'password'] as const) {
    if ((name === 'username' ? username : password) !== undefined || findings.isBad(at(name))) continue;
    findings.refuse(at(name), `a text, as the mechanism is ${mechanism}`);
  }
  return undefined;
}

function resolveToken(
  { token, tokenFile }: SaslValues,
  context: BaseFolders & { readonly findings: Findings },
): SaslSettings | undefined {
  if (token !== undefined) return { mechanism: 'oauthbearer', token };
  if (tokenFile !== undefined) {
    const path = absolutePath(at('tokenFile'), tokenFile, context);
    return { mechanism: 'oauthbearer', token: () => readToken(path) };
  }
  if (!context.findings.isBad(at('tokenFile'), at('token'))) {
    const allowed =
      'the path of a file with the token, or a function `kafka.sasl.token`, as the mechanism is oauthbearer';
    context.findings.refuse(at('tokenFile'), allowed);
  }
  return undefined;
}

/** Read anew each time: whoever renews the token replaces the file. */
async function readToken(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new BuscouplerError('BC_AUTHENTICATION', `The token file ${path} cannot be read.`, { cause });
  });
  const token = text.trim();
  if (token === '') throw new BuscouplerError('BC_AUTHENTICATION', `The token file ${path} is empty.`);
  return token;
}
