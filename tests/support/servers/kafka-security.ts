import type { KafkaConfig, SASLOptions } from 'kafkajs';
import type { Certificates } from '../certificates.js';

/** What a client must show. */
export interface KafkaSecurityOptions {
  /** Serves TLS with these certificates. */
  readonly tls?: Certificates;
  /** Refuses clients without a certificate of the same authority; needs `tls`. Default false. */
  readonly clientCertificates?: boolean;
  /** Asks for this user with PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, or for any unsigned token with OAUTHBEARER. */
  readonly sasl?: { readonly username: string; readonly password: string };
}

/** The security of the client listener, in the broker's words and in the client's. */
export interface KafkaSecurity {
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  readonly properties: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  /** The credentials with which the storage is formatted, as arguments of that tool. */
  readonly scram: readonly string[];
  /** What kafkajs must be given to get in. */
  readonly client: Pick<KafkaConfig, 'ssl' | 'sasl'>;
}

/** Turns the options into broker properties, following the sections "Encryption and Authentication" and "SASL" of Kafka's documentation. */
export function kafkaSecurity(options: KafkaSecurityOptions): KafkaSecurity {
  const { tls, sasl } = options;
  return {
    protocol: sasl ? (tls ? 'SASL_SSL' : 'SASL_PLAINTEXT') : tls ? 'SSL' : 'PLAINTEXT',
    properties: { ...(tls && tlsProperties(options)), ...(sasl && saslProperties(sasl)) },
    files: tls ? { 'keystore.pem': tls.server.key + tls.server.certificate, 'truststore.pem': tls.ca } : {},
    scram: sasl
      ? ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((mechanism) => scramCredential(mechanism, sasl))
      : [],
    client: { ...(tls && { ssl: clientTls(tls) }), ...(sasl && { sasl: clientSasl(sasl) }) },
  };
}

function tlsProperties(options: KafkaSecurityOptions): Record<string, string> {
  return {
    'listener.name.client.ssl.keystore.type': 'PEM',
    'listener.name.client.ssl.keystore.location': 'keystore.pem',
    'listener.name.client.ssl.truststore.type': 'PEM',
    'listener.name.client.ssl.truststore.location': 'truststore.pem',
    'listener.name.client.ssl.client.auth': options.clientCertificates ? 'required' : 'none',
  };
}

function saslProperties(user: { username: string; password: string }): Record<string, string> {
  const modules = 'org.apache.kafka.common.security';
  const listener = 'listener.name.client';
  return {
    [`${listener}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    [`${listener}.plain.sasl.jaas.config`]: `${modules}.plain.PlainLoginModule required user_${user.username}="${user.password}";`,
    [`${listener}.scram-sha-256.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
    [`${listener}.scram-sha-512.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
    [`${listener}.oauthbearer.sasl.jaas.config`]: `${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
  };
}

function scramCredential(mechanism: string, user: { username: string; password: string }): string {
  return `${mechanism}=[name=${user.username},password=${user.password}]`;
}

function clientTls(tls: Certificates) {
  return { ca: [tls.ca], cert: tls.client.certificate, key: tls.client.key };
}

function clientSasl(user: { username: string; password: string }): SASLOptions {
  return { mechanism: 'plain', username: user.username, password: user.password };
}
