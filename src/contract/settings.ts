/** TLS of a connection. Files are read when the configuration is loaded; these are the PEM texts. */
export interface TlsSettings {
  /** Certificate authorities, PEM. Absent: those of Node.js. */
  readonly ca?: string;
  /** Client certificate and its key, PEM. */
  readonly cert?: string;
  readonly key?: string;
  /** Passphrase of the key. */
  readonly passphrase?: string;
  /** Name that the server's certificate must carry. Default: the host. */
  readonly serverName?: string;
  /** False accepts any certificate; for tests only. Default `true`. */
  readonly rejectUnauthorized?: boolean;
}

/** How a Kafka client proves who it is. `oauthbearer` asks the function for a token before the old one expires. */
export type SaslSettings =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
      readonly username: string;
      readonly password: string;
    }
  | { readonly mechanism: 'oauthbearer'; readonly token: () => Promise<string> };

/** Compression of Kafka batches. `gzip` and `zstd` come with Node.js (zstd from 22.15), the others with optional packages. */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** Everything that the Kafka adapter needs, defaults filled in. */
export interface KafkaSettings {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly tls?: TlsSettings;
  readonly sasl?: SaslSettings;
  readonly compression: Compression;
  /** Longest wait for a TCP and TLS connection, ms. Default 10,000. */
  readonly connectionTimeoutMs: number;
  /** Longest wait for an answer, ms. Default 30,000. */
  readonly requestTimeoutMs: number;
  /** Group session timeout, ms. Default 30,000. */
  readonly sessionTimeoutMs: number;
}

/** Everything that the RabbitMQ adapter needs, defaults filled in. */
export interface RabbitmqSettings {
  /** `amqp(s)://user:password@host:port/vhost`, tried in turn; user, password and vhost percent-encoded. */
  readonly urls: readonly string[];
  readonly tls?: TlsSettings;
  /** Shown in the management UI. */
  readonly clientId: string;
  /** AMQP heartbeat, seconds. Default 10. */
  readonly heartbeatSeconds: number;
  /** Longest wait for a TCP and TLS connection and the AMQP handshake, ms. Default 10,000. */
  readonly connectionTimeoutMs: number;
  /** Deadline of every RPC (declare, consume, cancel, close), ms. Default 10,000. */
  readonly requestTimeoutMs: number;
}

/** Bounds of what a broker adapter holds for publishing. */
export interface PublishBounds {
  /** Messages sent and unconfirmed. Default 1,000. */
  readonly maxInFlight: number;
  /** Messages waiting behind those. Default 10,000. */
  readonly maxWaiting: number;
  /** Bytes of all of them. Default 67,108,864. */
  readonly maxBytes: number;
}
