import type { TlsSettings } from '../contract/settings.js';
import type { BusConfig } from './bus-config.js';

/** Every secret of the configuration as literal text, percent-encoded forms too: for masking in logs. */
export function secretsOf({ brokers, managementUrl }: BusConfig): string[] {
  const { kafka, rabbitmq } = brokers;
  const sasl = kafka?.sasl;
  const texts = [
    sasl !== undefined && 'password' in sasl ? sasl.password : undefined,
    ...tlsSecrets(kafka?.tls),
    ...tlsSecrets(rabbitmq?.tls),
    ...[...(rabbitmq?.urls ?? []), ...(managementUrl === undefined ? [] : [managementUrl])].flatMap(
      urlSecrets,
    ),
  ];
  return [...new Set(texts.filter((text): text is string => text !== undefined && text !== ''))];
}

const tlsSecrets = (tls: TlsSettings | undefined) => [tls?.key, tls?.passphrase];

function urlSecrets(text: string): string[] {
  const { password } = new URL(text);
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}
