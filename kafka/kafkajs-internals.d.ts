/**
 * The parts of kafkajs below its producer and its consumer, as far as they are used here
 * (docs/adr/0006-kafka-partition-fetch.md, docs/adr/0007-record-batches.md). kafkajs is pinned to 2.2.4 and
 * no longer changes.
 */
declare module 'kafkajs/src/cluster/index.js' {
  import type {
    DescribeConfigResponse,
    ISocketFactory,
    ITopicConfig,
    Logger,
    RetryOptions,
    SASLOptions,
  } from 'kafkajs'
  import type RequestQueue from 'kafkajs/src/network/requestQueue/index.js'
  import type Encoder from 'kafkajs/src/protocol/encoder.js'

  /**
   * A request of any kind, and how its response is read. `parse` throws what the response says has failed.
   */
  export interface BrokerRequest<Decoded, Answer> {
    readonly request: {
      readonly apiKey: number
      readonly apiVersion: number
      readonly apiName: string
      encode(): Promise<Encoder>
    }
    readonly response: {
      decode(payload: Buffer): Promise<Decoded & { readonly clientSideThrottleTime: number }>
      parse(decoded: Decoded): Promise<Answer>
    }
  }

  interface Transaction {
    readonly transactionalId: string
    readonly producerId: string
    readonly producerEpoch: number
  }

  interface CoordinatorRequest {
    readonly groupId: string
    /** 0 of a group, 1 of transactions. */
    readonly coordinatorType: 0 | 1
  }

  export interface ClusterBroker {
    readonly nodeId: number
    /** Throws what the broker says. */
    findGroupCoordinator(request: CoordinatorRequest): Promise<unknown>
    /** By the key of the API; null before the broker was asked. */
    readonly versions: Readonly<Record<number, { readonly maxVersion: number }>> | null
    readonly connectionPool: {
      /** The second one is for fetches, the first one for everything else. */
      readonly pool: readonly {
        readonly requestQueue: RequestQueue
        isConnected(): boolean
      }[]
      send<Decoded, Answer>(request: BrokerRequest<Decoded, Answer>): Promise<Answer>
    }
    disconnect(): Promise<void>
    createTopics(request: { readonly topics: readonly ITopicConfig[] }): Promise<unknown>
    createPartitions(request: {
      readonly topicPartitions: readonly { readonly topic: string; readonly count: number }[]
    }): Promise<unknown>
    describeConfigs(request: {
      /** `type` 2 is a topic. */
      readonly resources: readonly {
        readonly type: number
        readonly name: string
        readonly configNames: readonly string[]
      }[]
    }): Promise<DescribeConfigResponse>
    initProducerId(request: {
      readonly transactionalId: string
      readonly transactionTimeout: number
    }): Promise<{ readonly producerId: string; readonly producerEpoch: number }>
    addPartitionsToTxn(
      request: Transaction & {
        readonly topics: readonly {
          readonly topic: string
          readonly partitions: readonly number[]
        }[]
      },
    ): Promise<unknown>
    /** `isolationLevel` 0: also what is not committed. */
    listOffsets(request: {
      readonly isolationLevel: 0 | 1
      readonly topics: readonly {
        readonly topic: string
        readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[]
      }[]
    }): Promise<{
      readonly responses: readonly {
        readonly partitions: readonly { readonly offset: string }[]
      }[]
    }>
    endTxn(request: Transaction & { readonly transactionResult: boolean }): Promise<unknown>
    offsetCommit(request: {
      readonly groupId: string
      readonly groupGenerationId: number
      readonly memberId: string
      readonly topics: readonly {
        readonly topic: string
        readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
      }[]
    }): Promise<unknown>
  }

  class Cluster {
    constructor(options: {
      readonly logger: Logger
      readonly socketFactory: ISocketFactory
      readonly brokers: readonly string[]
      readonly clientId: string
      readonly ssl: boolean
      readonly sasl: SASLOptions | undefined
      readonly connectionTimeout: number
      readonly requestTimeout: number
      readonly enforceRequestTimeout: boolean
      readonly metadataMaxAge: number
      readonly allowAutoTopicCreation: boolean
      readonly isolationLevel: 0 | 1
      readonly retry: RetryOptions
    })
    /** By their ids: those that were connected to. */
    readonly brokerPool: { readonly brokers: Readonly<Record<number, ClusterBroker>> }
    /**
     * The topics that the brokers are asked for when metadata are refreshed; if there are none, all topics.
     */
    targetTopics: Set<string>
    connect(): Promise<void>
    disconnect(): Promise<void>
    removeBroker(broker: { readonly host: string; readonly port: number }): void
    refreshMetadata(): Promise<void>
    addMultipleTargetTopics(topics: readonly string[]): Promise<void>
    findTopicPartitionMetadata(
      topic: string,
    ): readonly { readonly partitionId: number; readonly leader: number }[]
    findBroker(broker: { readonly nodeId: number }): Promise<ClusterBroker>
    findControllerBroker(): Promise<ClusterBroker>
    getNodeIds(): readonly number[]
    findGroupCoordinator(request: CoordinatorRequest): Promise<ClusterBroker>
    fetchTopicsOffset(
      topics: readonly {
        readonly topic: string
        readonly partitions: readonly { readonly partition: number }[]
        readonly fromBeginning: boolean
      }[],
    ): Promise<
      readonly {
        readonly topic: string
        readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
      }[]
    >
  }
  export { Cluster as default }
}

declare module 'kafkajs/src/loggers/index.js' {
  import type { LogEntry, Logger } from 'kafkajs'

  export const LEVELS: { readonly NOTHING: number; readonly INFO: number }
  export function createLogger(options: {
    readonly level: number
    readonly logCreator: () => (line: LogEntry) => void
  }): Logger
}

declare module 'kafkajs/src/protocol/encoder.js' {
  /** Big endian, as Kafka's protocol is. */
  class Encoder {
    writeInt8(value: number): this
    writeInt16(value: number): this
    writeInt32(value: number): this
    writeInt64(value: string): this
    writeBoolean(value: boolean): this
    /** null: -1 as the length. */
    writeString(value: string | null): this
    writeUVarInt(value: number): this
    /** In the newer, compact form. */
    writeUVarIntString(value: string | null): this
    /** Without its length. */
    writeBuffer(value: Buffer): this
  }
  export { Encoder as default }
}

declare module 'kafkajs/src/protocol/decoder.js' {
  class Decoder {
    constructor(bytes: Buffer)
    readInt16(): number
    readInt32(): number
    readInt64(): { toString(): string }
    readString(): string | null
    readUVarInt(): number
    readUVarIntString(): string | null
    /** Passes over them. */
    readTaggedFields(): unknown
    /** A view; null for a length of -1. */
    readBytes(length: number): Buffer | null
  }
  export { Decoder as default }
}

declare module 'kafkajs/src/protocol/error.js' {
  export function createErrorFromCode(code: number): Error
}

declare module 'kafkajs/src/network/socketFactory.js' {
  import type { ISocketFactory } from 'kafkajs'

  function createSocketFactory(): ISocketFactory
  export { createSocketFactory as default }
}

declare module 'kafkajs/src/network/requestQueue/index.js' {
  /** The requests of one connection. */
  class RequestQueue {
    readonly pending: readonly unknown[]
    readonly inflight: { readonly size: number }
    /** Also of requests that were sent. */
    rejectAll(error: Error): void
    scheduleCheckPendingRequests: (this: RequestQueue) => void
  }
  export { RequestQueue as default }
}
