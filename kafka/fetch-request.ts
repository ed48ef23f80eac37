import type { BrokerRequest } from 'kafkajs/src/cluster/index.js'
import Decoder from 'kafkajs/src/protocol/decoder.js'
import Encoder from 'kafkajs/src/protocol/encoder.js'
import { createErrorFromCode } from 'kafkajs/src/protocol/error.js'

/** Version 10 (Kafka 2.1) is the first that gives zstd. */
const fetch = { apiKey: 1, apiVersion: 10, apiName: 'Fetch' } as const
const consumer = -1
/** By isolation. */
const isolationLevels = { read_uncommitted: 0, read_committed: 1 } as const
/** No fetch session: each request stands alone. */
const session = { id: 0, epoch: -1 } as const
const unknown = -1

export interface FetchFrom {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** A larger batch is returned whole, and alone. */
  readonly maxBytes: number
  /** The broker responds to an empty fetch after this time. */
  readonly maxWaitMs: number
  readonly isolation: keyof typeof isolationLevels
}

/** The data of a partition. */
export interface FetchedPartition {
  readonly highWatermark: bigint
  readonly aborted: readonly AbortedTransaction[]
  /** Record batches (record-batch.ts) one after the other: a view into the response. */
  readonly batches: Buffer
}

/** The batches of a producer from an offset on, up to its next marker, were never committed. */
export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

interface Fetched extends FetchedPartition {
  readonly errorCode: number
  readonly clientSideThrottleTime: number
}

/** Reads one partition. Throws the partition's error. */
export function fetchRequest(from: FetchFrom): BrokerRequest<Fetched, FetchedPartition> {
  return {
    request: { ...fetch, encode: () => Promise.resolve(encode(from)) },
    response: {
      decode: (payload) => Promise.resolve(decode(payload)),
      parse: (fetched) =>
        fetched.errorCode === 0
          ? Promise.resolve(fetched)
          : Promise.reject(createErrorFromCode(fetched.errorCode)),
    },
  }
}

function encode({ topic, partition, offset, maxBytes, maxWaitMs, isolation }: FetchFrom): Encoder {
  return new Encoder()
    .writeInt32(consumer)
    .writeInt32(maxWaitMs)
    .writeInt32(1) // the broker responds as soon as there is anything
    .writeInt32(maxBytes)
    .writeInt8(isolationLevels[isolation])
    .writeInt32(session.id)
    .writeInt32(session.epoch)
    .writeInt32(1)
    .writeString(topic)
    .writeInt32(1)
    .writeInt32(partition)
    .writeInt32(unknown) // leader epoch
    .writeInt64(offset.toString())
    .writeInt64(String(unknown)) // start of the log
    .writeInt32(maxBytes)
    .writeInt32(0) // topics that leave the session
}

function decode(payload: Buffer): Fetched {
  const decoder = new Decoder(payload)
  const clientSideThrottleTime = decoder.readInt32()
  const sessionError = decoder.readInt16()
  decoder.readInt32()
  if (decoder.readInt32() < 1) throw new TypeError('the broker returned no topic for a fetch')
  decoder.readString()
  if (decoder.readInt32() < 1) throw new TypeError('the broker returned no partition for a fetch')
  decoder.readInt32()
  const partitionError = decoder.readInt16()
  const highWatermark = readLong(decoder)
  readLong(decoder) // end of what is committed
  readLong(decoder) // start of the log
  const aborted: AbortedTransaction[] = []
  for (let left = decoder.readInt32(); left > 0; left--) {
    aborted.push({ producerId: readLong(decoder), firstOffset: readLong(decoder) })
  }
  const batches = decoder.readBytes(decoder.readInt32()) ?? Buffer.alloc(0)
  const errorCode = sessionError === 0 ? partitionError : sessionError
  return { errorCode, clientSideThrottleTime, highWatermark, aborted, batches }
}

function readLong(decoder: Decoder): bigint {
  return BigInt(decoder.readInt64().toString())
}
