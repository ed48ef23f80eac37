/** kafkajs's own record batches, to compare ours with. */
declare module 'kafkajs/src/protocol/recordBatch/v0/decoder.js' {
  import type Decoder from 'kafkajs/src/protocol/decoder.js'

  export default function decode(decoder: Decoder): Promise<{
    readonly firstOffset: string
    readonly lastOffsetDelta: number
    readonly firstTimestamp: string
    readonly maxTimestamp: string
    readonly producerId: string
    readonly producerEpoch: number
    readonly firstSequence: number
    readonly inTransaction: boolean
    readonly isControlBatch: boolean
    readonly records: readonly {
      readonly offset: string
      readonly timestamp: string
      readonly key: Buffer | null
      readonly value: Buffer | null
      readonly headers: Readonly<Record<string, Buffer>>
    }[]
  }>
}

declare module 'kafkajs/src/protocol/recordBatch/record/v0/index.js' {
  import type Encoder from 'kafkajs/src/protocol/encoder.js'

  export default function record(message: {
    readonly offsetDelta: number
    readonly timestampDelta: number
    readonly key: Buffer | null
    readonly value: Buffer | null
    readonly headers: Readonly<Record<string, string>>
  }): Encoder
}

declare module 'kafkajs/src/protocol/recordBatch/v0/index.js' {
  import type Encoder from 'kafkajs/src/protocol/encoder.js'

  const module: {
    RecordBatch(batch: {
      readonly compression: number
      readonly firstTimestamp: number
      readonly maxTimestamp: number
      readonly lastOffsetDelta: number
      readonly transactional: boolean
      readonly producerId: string
      readonly producerEpoch: number
      readonly firstSequence: number
      readonly records: readonly Encoder[]
    }): Promise<{ readonly buffer: Buffer }>
  }
  export default module
}
