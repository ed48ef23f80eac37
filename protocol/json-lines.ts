import { isRawJson, parseExact, rawJson, stringifyExact } from './exact-json.ts'
import { isJsonObject, type RecordValue } from './json.ts'
import { airbyteMessage, type AirbyteMessage } from './messages.ts'

const NEWLINE = 0x0a
const DEFAULT_MAX_LINE_BYTES = 64 * 1024 * 1024

/** The content of a line. */
export type JsonLine =
  | { readonly kind: 'message'; readonly message: AirbyteMessage }
  /** Not an envelope: text that the connector printed. Log it, never pass it on. */
  | { readonly kind: 'text'; readonly text: string }
  /** An envelope of a known type that violates the protocol. `reason` names the place, not the contents. */
  | { readonly kind: 'invalid'; readonly type: string; readonly reason: string }
  /** A line that is longer than the limit: its bytes were dropped. */
  | { readonly kind: 'oversized'; readonly bytes: number }

/**
 * Splits a connector's output into lines and messages, chunk by chunk. Holds at most one line of
 * `maxLineBytes`.
 */
export class JsonLinesDecoder {
  readonly #maxLineBytes: number
  #parts: Uint8Array[] = []
  #length = 0

  constructor(options: { readonly maxLineBytes?: number } = {}) {
    this.#maxLineBytes = options.maxLineBytes ?? DEFAULT_MAX_LINE_BYTES
  }

  /** The lines that end in this chunk. The chunk may be reused afterwards. */
  push(chunk: Uint8Array): JsonLine[] {
    const lines: JsonLine[] = []
    let start = 0
    const last = chunk.lastIndexOf(NEWLINE)
    while (start <= last) {
      const isWhole = this.#length === 0 && last - start <= this.#maxLineBytes
      if (isWhole) {
        addLines(lines, chunk.subarray(start, last))
        start = last + 1
        break
      }
      const end = chunk.indexOf(NEWLINE, start)
      this.#keep(chunk.subarray(start, end))
      this.#finish(lines)
      start = end + 1
    }
    // Copied: the rest of the line waits here for the next chunk.
    if (start < chunk.length) this.#keep(Uint8Array.from(chunk.subarray(start)))
    return lines
  }

  /** The last line, if the output ended without a newline. */
  end(): JsonLine[] {
    const lines: JsonLine[] = []
    this.#finish(lines)
    return lines
  }

  #keep(part: Uint8Array): void {
    this.#length += part.length
    if (this.#length > this.#maxLineBytes) this.#parts = []
    else this.#parts.push(part)
  }

  #finish(lines: JsonLine[]): void {
    const bytes = this.#length
    const parts = this.#parts
    this.#parts = []
    this.#length = 0
    if (bytes > this.#maxLineBytes) {
      lines.push({ kind: 'oversized', bytes })
      return
    }
    const text = Buffer.concat(parts).toString('utf8').trim()
    if (text !== '') lines.push(parseLine(text))
  }
}

/** Whole lines are decoded at once: a line by itself takes twice as long. */
function addLines(lines: JsonLine[], bytes: Uint8Array): void {
  const { buffer, byteOffset, byteLength } = bytes
  for (const line of Buffer.from(buffer, byteOffset, byteLength).toString('utf8').split('\n')) {
    const text = line.trim()
    if (text !== '') lines.push(parseLine(text))
  }
}

/** The contents of one line, without its end. */
export function parseLine(text: string): JsonLine {
  const value = text.startsWith('{') ? tryParse(text) : undefined
  if (!isEnvelope(value)) return { kind: 'text', text }
  if (isPlainRecord(value)) return { kind: 'message', message: value }
  const result = airbyteMessage.safeParse(value)
  if (result.success) return { kind: 'message', message: result.data }
  const lenient = airbyteMessage.safeParse(withoutNulls(value))
  if (lenient.success) return { kind: 'message', message: lenient.data }
  const issue = result.error.issues[0]
  // The message of the schema names the expected type, never the value.
  const reason = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a message'}`
  return { kind: 'invalid', type: value.type, reason }
}

/**
 * A message as a line, with its end. Numbers keep their digits; the counts of a state are written as doubles,
 * as the protocol requires.
 */
export function encodeMessage(message: AirbyteMessage): string {
  const value =
    message.type === 'STATE' ? { ...message, state: withDoubles(message.state) } : message
  return `${stringifyExact(value as unknown as RecordValue)}\n`
}

const messageTypes = new Set<string>(
  airbyteMessage.options.map((option) => option.shape.type.value),
)

function isEnvelope(value: unknown): value is { readonly type: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    messageTypes.has(value.type)
  )
}

/**
 * A record with nothing but its required fields and a namespace, which is the usual one. Checked by hand:
 * there is one in almost every line.
 */
function isPlainRecord(value: {
  readonly type: string
}): value is Extract<AirbyteMessage, { type: 'RECORD' }> {
  if (value.type !== 'RECORD' || !('record' in value) || !isJsonObject(value.record)) return false
  const {
    stream,
    namespace,
    data,
    emitted_at: emittedAt,
    meta,
    file_reference: file,
  } = value.record
  return (
    typeof stream === 'string' &&
    isJsonObject(data) &&
    typeof emittedAt === 'number' &&
    (namespace === undefined || typeof namespace === 'string') &&
    meta === undefined &&
    file === undefined
  )
}

/** Parts of messages that only source or destination understand: a null in them may mean something. */
const blackBoxes = new Set([
  'data',
  'stream_state',
  'shared_state',
  'json_schema',
  'connectionSpecification',
  'advanced_auth',
  'config',
])

/**
 * A document of the protocol without properties that are null: some programs write `null` for one that is
 * absent, such as `"namespace": null`.
 */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isJsonObject(value) || isRawJson(value)) return value
  const entries = Object.entries(value).flatMap(([name, inner]): [string, unknown][] => {
    if (blackBoxes.has(name)) return [[name, inner]]
    return inner === null ? [] : [[name, withoutNulls(inner)]]
  })
  return Object.fromEntries(entries)
}

function tryParse(text: string): RecordValue | undefined {
  try {
    return parseExact(text)
  } catch {
    // Not JSON, so it is text: the caller reports the line as such.
    return undefined
  }
}

function withDoubles(state: object): object {
  const counted = Object.entries(state).map(([name, value]: [string, unknown]) => {
    const isStats = name === 'sourceStats' || name === 'destinationStats'
    return [name, isStats && typeof value === 'object' && value !== null ? doubles(value) : value]
  })
  return Object.fromEntries(counted) as object
}

function doubles(stats: object): object {
  const written = Object.entries(stats).map(([name, value]: [string, unknown]) => [
    name,
    Number.isSafeInteger(value) ? rawJson(`${String(value)}.0`) : value,
  ])
  return Object.fromEntries(written) as object
}
