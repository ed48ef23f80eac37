import type { BrokerRequest } from 'kafkajs/src/cluster/index.js'
import Decoder from 'kafkajs/src/protocol/decoder.js'
import Encoder from 'kafkajs/src/protocol/encoder.js'
import { createErrorFromCode } from 'kafkajs/src/protocol/error.js'

/**
 * Version 10 (Kafka 2.8) is the first that reports the ids of topics. kafkajs's own requests end at version
 * 6.
 */
export const idsApi = { apiKey: 3, apiVersion: 10, apiName: 'Metadata' } as const

const idBytes = 16
const noId = Buffer.alloc(idBytes)

interface TopicIdResponse {
  readonly errorCode: number
  readonly id: Buffer
  readonly clientSideThrottleTime: number
}

/** The id of a topic as hexadecimal digits; undefined if it has none. Throws the topic's error. */
export function topicIdRequest(topic: string): BrokerRequest<TopicIdResponse, string | undefined> {
  return {
    request: { ...idsApi, encode: () => Promise.resolve(encode(topic)) },
    response: {
      decode: (payload) => Promise.resolve(decode(payload)),
      parse: ({ errorCode, id }) => {
        if (errorCode !== 0) return Promise.reject(createErrorFromCode(errorCode))
        return Promise.resolve(id.equals(noId) ? undefined : id.toString('hex'))
      },
    },
  }
}

function encode(topic: string): Encoder {
  return new Encoder()
    .writeUVarInt(0) // tagged fields of the header
    .writeUVarInt(2) // one topic
    .writeBuffer(noId)
    .writeUVarIntString(topic)
    .writeUVarInt(0)
    .writeBoolean(false) // it is not made
    .writeBoolean(false) // no list of allowed operations on the cluster
    .writeBoolean(false) // no list of allowed operations on the topic
    .writeUVarInt(0)
}

function decode(payload: Buffer): TopicIdResponse {
  const decoder = new Decoder(payload)
  decoder.readTaggedFields()
  const clientSideThrottleTime = decoder.readInt32()
  for (let brokers = decoder.readUVarInt() - 1; brokers > 0; brokers--) {
    decoder.readInt32()
    decoder.readUVarIntString() // host
    decoder.readInt32()
    decoder.readUVarIntString() // rack
    decoder.readTaggedFields()
  }
  decoder.readUVarIntString() // cluster
  decoder.readInt32() // controller
  if (decoder.readUVarInt() < 2) throw new TypeError('the broker returned no topic')
  const errorCode = decoder.readInt16()
  decoder.readUVarIntString()
  const id = decoder.readBytes(idBytes) ?? noId
  return { errorCode, id, clientSideThrottleTime }
}
