import {
  JsonLinesDecoder,
  parseExactJson,
  stringifyExact,
  type AirbyteMessage,
  type AirbyteState,
  type JsonLine,
  type JsonObject,
  type RecordData,
  type RecordValue,
} from '../../protocol/index.ts'
import type { JsonObjects } from '../../protocol/avro/json-objects.ts'
import { jsonObjectSchema } from '../../protocol/json-object.ts'
import { RecordLines, type ReadLines } from './record-lines.ts'

type SideMessage = Exclude<AirbyteMessage, { type: 'RECORD' | 'STATE' }>

/** A part of the output of a connector, in order. */
export type ConnectorOutput =
  /** Records of one stream, one after the other. */
  | {
      readonly kind: 'records'
      readonly stream: string
      readonly namespace: string | undefined
      readonly records: RecordData[]
      /** When the last one was emitted, in milliseconds since 1970. */
      readonly emittedAtMs: number
    }
  /** The same, as bytes. */
  | {
      readonly kind: 'objects'
      readonly stream: string
      readonly namespace: string | undefined
      readonly objects: JsonObjects
      readonly emittedAtMs: number
    }
  /** As it was sent: its numbers have the digits that they had. */
  | { readonly kind: 'state'; readonly state: JsonObject }
  | { readonly kind: 'message'; readonly message: SideMessage }
  /** A line that is no message. */
  | { readonly kind: 'text'; readonly text: string }
  /** A line that breaks the protocol: why, without its contents. */
  | { readonly kind: 'invalid'; readonly reason: string }

/**
 * The messages of a connector, chunk by chunk of its output: nothing is read ahead, so that whoever consumes
 * them slows the connector down at its pipe.
 */
export async function* connectorOutput(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly ConnectorOutput[]> {
  const decoder = new JsonLinesDecoder()
  for await (const chunk of chunks) {
    const lines = decoder.push(chunk)
    if (lines.length > 0) yield outputOf(lines)
  }
  const last = decoder.end()
  if (last.length > 0) yield outputOf(last)
}

/** The same, with records as bytes, as far as they are written in the same way. */
export async function* connectorObjects(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly ConnectorOutput[]> {
  const lines = new RecordLines()
  for await (const chunk of chunks) {
    const output = lines.push(chunk).flatMap(outputOfLines)
    if (output.length > 0) yield output
  }
  yield lines.end().flatMap(outputOfLines)
}

function outputOfLines(read: ReadLines): readonly ConnectorOutput[] {
  if (read.kind === 'lines') return outputOf(read.lines)
  const { shape, bytes, bounds, emittedAtMs } = read
  const { stream, namespace } = shape
  return [{ kind: 'objects', stream, namespace, objects: { bytes, bounds }, emittedAtMs }]
}

function outputOf(lines: readonly JsonLine[]): readonly ConnectorOutput[] {
  const output: ConnectorOutput[] = []
  let open: Mutable<Extract<ConnectorOutput, { kind: 'records' }>> | undefined
  for (const line of lines) {
    if (line.kind !== 'message' || line.message.type !== 'RECORD') {
      open = undefined
      output.push(otherOutput(line))
      continue
    }
    const { stream, namespace, data, emitted_at: emittedAtMs } = line.message.record
    if (open?.stream === stream && open.namespace === namespace) {
      open.records.push(data)
      open.emittedAtMs = emittedAtMs
    } else {
      open = { kind: 'records', stream, namespace, records: [data], emittedAtMs }
      output.push(open)
    }
  }
  return output
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

function otherOutput(line: JsonLine): ConnectorOutput {
  switch (line.kind) {
    case 'message': {
      const { message } = line
      if (message.type === 'RECORD') throw new TypeError('records are collected')
      return message.type === 'STATE'
        ? { kind: 'state', state: withDigits(message.state) }
        : { kind: 'message', message }
    }
    case 'text':
      return { kind: 'text', text: line.text }
    case 'invalid':
      return { kind: 'invalid', reason: `a message ${line.type} is wrong at ${line.reason}` }
    case 'oversized':
      return { kind: 'invalid', reason: `a line has ${String(line.bytes)} bytes` }
  }
}

function withDigits(state: AirbyteState): JsonObject {
  return jsonObjectSchema.parse(parseExactJson(stringifyExact(state as RecordValue)))
}
