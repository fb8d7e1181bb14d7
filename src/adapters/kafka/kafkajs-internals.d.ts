/** The parts below kafkajs' public face that carry our own produce requests; its version is pinned exactly. */
declare module 'kafkajs/src/network/connectionPool.js' {
  export interface WireRequest<Answer> {
    readonly request: {
      readonly apiKey: number;
      readonly apiVersion: number;
      readonly apiName: string;
      encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
    };
    readonly response: {
      decode(payload: Buffer): Promise<Answer & { readonly clientSideThrottleTime: number }>;
      parse(answer: Answer): Promise<Answer>;
    };
    readonly requestTimeout?: number;
  }

  class ConnectionPool {
    readonly host: string;
    readonly port: number;
    constructor(options: object);
    readonly pool: readonly { rejectRequests(error: Error): void }[];
    send<Answer>(request: WireRequest<Answer>): Promise<Answer>;
    isConnected(): boolean;
  }
  export default ConnectionPool;
}

declare module 'kafkajs/src/broker/index.js' {
  import type ConnectionPool from 'kafkajs/src/network/connectionPool.js';

  interface FetchedRecord {
    readonly offset: string;
    readonly timestamp: string;
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers?: Readonly<Record<string, unknown>>;
  }

  export interface OffsetsRequest {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
  }

  export interface OffsetsAnswer {
    readonly responses: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
    }[];
  }

  interface NewTopicRequest {
    readonly topic: string;
    readonly numPartitions: number;
    readonly replicationFactor: number;
    readonly configEntries: readonly { readonly name: string; readonly value: string }[];
  }

  class Broker {
    readonly connectionPool: ConnectionPool;
    /** By number of the API, once it is connected. */
    readonly versions: Readonly<
      Record<number, { readonly minVersion: number; readonly maxVersion: number }>
    > | null;
    constructor(options: object);
    isConnected(): boolean;
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    createTopics(request: {
      topics: readonly NewTopicRequest[];
      timeout: number;
      validateOnly?: boolean;
    }): Promise<unknown>;
    describeConfigs(request: {
      resources: readonly { type: number; name: string; configNames: readonly string[] }[];
    }): Promise<{
      readonly resources: readonly {
        readonly configEntries: readonly {
          readonly configName: string;
          readonly configValue: string | null;
        }[];
      }[];
    }>;
    listOffsets(request: {
      isolationLevel: number;
      topics: readonly {
        topic: string;
        partitions: readonly { partition: number; timestamp: number }[];
      }[];
    }): Promise<OffsetsAnswer>;
    fetch(request: {
      isolationLevel: number;
      maxWaitTime: number;
      minBytes: number;
      maxBytes: number;
      topics: readonly {
        topic: string;
        partitions: readonly { partition: number; fetchOffset: string; maxBytes: number }[];
      }[];
    }): Promise<{
      readonly responses: readonly {
        readonly partitions: readonly {
          readonly highWatermark: string;
          readonly messages: readonly (FetchedRecord & { readonly isControlRecord?: boolean })[];
        }[];
      }[];
    }>;
    findGroupCoordinator(request: { groupId: string; coordinatorType: number }): Promise<{
      readonly coordinator: { readonly host: string; readonly port: number };
    }>;
    describeGroups(request: { groupIds: readonly string[] }): Promise<{
      readonly groups: readonly { readonly state: string; readonly members: readonly unknown[] }[];
    }>;
    offsetFetch(request: {
      groupId: string;
      topics: readonly { topic: string; partitions: readonly { partition: number }[] }[];
    }): Promise<OffsetsAnswer>;
    offsetCommit(request: {
      groupId: string;
      groupGenerationId: number;
      memberId: string;
      topics: readonly OffsetsRequest[];
    }): Promise<unknown>;
  }
  export default Broker;
}

declare module 'kafkajs/src/network/requestQueue/index.js' {
  class RequestQueue {
    pending: unknown[];
    throttledUntil: number;
    scheduleCheckPendingRequests(): void;
  }
  export default RequestQueue;
}

declare module 'kafkajs-snappy' {
  const createSnappy: () => {
    compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
    decompress(buffer: Buffer): Promise<Buffer>;
  };
  export default createSnappy;
}

declare module 'kafkajs-lz4' {
  class Lz4Codec {
    codec: () => {
      compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
      decompress(buffer: Buffer): Promise<Buffer>;
    };
  }
  export default Lz4Codec;
}
