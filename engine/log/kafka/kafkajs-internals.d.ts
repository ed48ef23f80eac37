/**
 * The parts of kafkajs below its consumer, as far as partition-fetcher.ts uses them (docs/adr/0006-kafka-partition-fetch.md).
 * kafkajs is pinned to 2.2.4 and no longer changes.
 */
declare module 'kafkajs/src/cluster/index.js' {
  import type { ISocketFactory, Logger, RetryOptions, SASLOptions } from 'kafkajs'

  export interface FetchedMessage {
    readonly offset: string
    readonly key: Buffer | null
    readonly value: Buffer | null
    readonly headers: Readonly<Record<string, Buffer | readonly Buffer[] | undefined>>
    readonly isControlRecord: boolean
  }

  export interface FetchedPartition {
    readonly partition: number
    readonly highWatermark: string
    readonly lastStableOffset: string
    readonly abortedTransactions: readonly unknown[]
    readonly messages: readonly FetchedMessage[]
  }

  export interface ClusterBroker {
    fetch(request: {
      readonly maxWaitTime: number
      readonly minBytes: number
      readonly maxBytes: number
      readonly isolationLevel: 0 | 1
      readonly topics: readonly {
        readonly topic: string
        readonly partitions: readonly {
          readonly partition: number
          readonly fetchOffset: string
          readonly maxBytes: number
        }[]
      }[]
    }): Promise<{
      readonly responses: readonly {
        readonly topicName: string
        readonly partitions: readonly FetchedPartition[]
      }[]
    }>
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
    connect(): Promise<void>
    disconnect(): Promise<void>
    removeBroker(broker: { readonly host: string; readonly port: number }): void
    refreshMetadata(): Promise<void>
    addTargetTopic(topic: string): Promise<void>
    findTopicPartitionMetadata(
      topic: string,
    ): readonly { readonly partitionId: number; readonly leader: number }[]
    findBroker(broker: { readonly nodeId: number }): Promise<ClusterBroker>
    findGroupCoordinator(group: { readonly groupId: string }): Promise<ClusterBroker>
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

declare module 'kafkajs/src/consumer/batch.js' {
  import type { FetchedMessage, FetchedPartition } from 'kafkajs/src/cluster/index.js'

  /** What a fetch gave, without control records, aborted transactions and messages before the asked offset. */
  class Batch {
    constructor(topic: string, fetchedOffset: string, partition: FetchedPartition)
    readonly messages: readonly FetchedMessage[]
    readonly rawMessages: readonly FetchedMessage[]
    isEmptyIncludingFiltered(): boolean
    lastOffset(): string
  }
  export { Batch as default }
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
    scheduleCheckPendingRequests: (this: RequestQueue) => void
  }
  export { RequestQueue as default }
}
