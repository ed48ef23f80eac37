import type { BrokerRequest } from 'kafkajs/src/cluster/index.js'
import Decoder from 'kafkajs/src/protocol/decoder.js'
import Encoder from 'kafkajs/src/protocol/encoder.js'
import { createErrorFromCode } from 'kafkajs/src/protocol/error.js'

/** Version 7 (Kafka 2.1) is the first that takes zstd. */
const produce = { apiKey: 0, apiVersion: 7, apiName: 'Produce' } as const
const allReplicas = -1
/** The broker responds with REQUEST_TIMED_OUT if the replicas take longer. */
const replicasTimeoutMs = 30_000

/** One encoded batch (record-batch.ts) for one partition. */
export interface ProduceTo {
  readonly transactionalId: string | null
  readonly topic: string
  readonly partition: number
  readonly batch: readonly Buffer[]
}

interface Produced {
  readonly errorCode: number
  readonly clientSideThrottleTime: number
}

/**
 * Appends a batch; it is on all replicas in sync when the response has come. Throws the partition's error.
 */
export function produceRequest(to: ProduceTo): BrokerRequest<Produced, undefined> {
  return {
    request: { ...produce, encode: () => Promise.resolve(encode(to)) },
    response: {
      decode: (payload) => Promise.resolve(decode(payload)),
      parse: ({ errorCode }) =>
        errorCode === 0
          ? Promise.resolve(undefined)
          : Promise.reject(createErrorFromCode(errorCode)),
    },
  }
}

function encode({ transactionalId, topic, partition, batch }: ProduceTo): Encoder {
  const encoder = new Encoder()
    .writeString(transactionalId)
    .writeInt16(allReplicas)
    .writeInt32(replicasTimeoutMs)
    .writeInt32(1)
    .writeString(topic)
    .writeInt32(1)
    .writeInt32(partition)
    .writeInt32(batch.reduce((sum, { length }) => sum + length, 0))
  for (const piece of batch) encoder.writeBuffer(piece)
  return encoder
}

function decode(payload: Buffer): Produced {
  const decoder = new Decoder(payload)
  if (decoder.readInt32() < 1) throw new TypeError('the broker returned no topic for a write')
  decoder.readString()
  if (decoder.readInt32() < 1) throw new TypeError('the broker returned no partition for a write')
  decoder.readInt32()
  const errorCode = decoder.readInt16()
  // Base offset, time of the append, start of the log.
  for (let field = 0; field < 3; field++) decoder.readInt64()
  return { errorCode, clientSideThrottleTime: decoder.readInt32() }
}
