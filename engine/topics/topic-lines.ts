import { isUtf8 } from 'node:buffer'
import type { z } from 'zod'
import { fingerprintIn } from '../../protocol/avro/frame-block.ts'
import {
  isRawJson,
  rawJson,
  stringifyExact,
  type Column,
  type RecordValue,
} from '../../protocol/index.ts'
import { beginValue, messageValues } from '../log/kafka/message-schemas.ts'
import { recordsIn } from './message-value.ts'
import type { TopicMessage } from './rebuild-table.ts'

/** Messages of a stream's topic as text: one line of JSON for each, with the records decoded. */
export class TopicLines {
  /** By the fingerprint that a value begins with. */
  readonly #schemas = new Map<string, readonly Column[]>()

  lineOf(message: TopicMessage): string {
    this.#learn(message)
    const { partition, offset, headers, key, value } = message
    return objectText({
      partition: String(partition),
      offset: jsonText(offset.toString()),
      ...Object.fromEntries([...headers].map(([name, text]) => [name, jsonText(text)])),
      ...(key !== null && contentIn('key', key)),
      ...this.#contentOf(headers, value),
    })
  }

  /** Notes the columns that a BEGIN has; not of one that is damaged. */
  #learn({ headers, value }: TopicMessage): void {
    if (headers.get('type') !== 'BEGIN' || value === null) return
    const begin = beginValue.safeParse(jsonIn(value)).data
    if (begin !== undefined) this.#schemas.set(headers.get('fingerprint') ?? '', begin.columns)
  }

  #contentOf(headers: ReadonlyMap<string, string>, value: Buffer | null): Content {
    const type = headers.get('type') ?? ''
    if (value === null) return { value: 'null' }
    if (type === 'RECORD') return this.#recordsOf(headers, value)
    const damage = `its value is not that of a ${type}`
    return {
      ...contentIn('value', value),
      ...(isDamaged(headers, value) && { damaged: jsonText(damage) }),
    }
  }

  #recordsOf(headers: ReadonlyMap<string, string>, value: Buffer): Content {
    const fingerprint = fingerprintIn(value)
    const columns = this.#schemas.get(fingerprint ?? '')
    // Read from the middle: the BEGIN with its schema was not seen.
    if (columns === undefined && fingerprint !== undefined) return { bytes: String(value.length) }
    const count = headers.has('count') ? Number(headers.get('count')) : undefined
    const records = columns && recordsIn(value, count, columns)
    return records === undefined
      ? {
          bytes: String(value.length),
          damaged: jsonText('its value is not that of a RECORD'),
        }
      : { records: jsonText(records.map(({ data }) => data)) }
  }
}

/** The JSON of properties. */
type Content = Readonly<Record<string, string>>

function objectText(content: Content): string {
  const properties = Object.entries(content).map(([name, json]) => `${jsonText(name)}:${json}`)
  return `{${properties.join()}}`
}

function jsonText(value: RecordValue): string {
  return stringifyExact(withSigns(value))
}

/** JSON.stringify prints -0 as 0. */
function withSigns(value: RecordValue): RecordValue {
  if (Object.is(value, -0)) return rawJson('-0')
  if (typeof value !== 'object' || value === null || isRawJson(value)) return value
  if (value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(withSigns)
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      inner === undefined ? inner : withSigns(inner),
    ]),
  )
}

/** Only for a message whose header says that it is ours: the JSON of older versions is not checked. */
function isDamaged(headers: ReadonlyMap<string, string>, value: Buffer): boolean {
  const schema = new Map<string, z.ZodType>(Object.entries(messageValues)).get(
    headers.get('type') ?? '',
  )
  if (schema === undefined || !headers.has('sync')) return false
  const json = jsonIn(value)
  return json === undefined || (headers.has('v') && !schema.safeParse(json).success)
}

/**
 * JSON or text as it is; of other bytes what they are: how many, and the number of the schema if they have
 * that of a schema registry.
 */
function contentIn(name: 'key' | 'value', bytes: Buffer): Content {
  const prefix = name === 'key' ? 'key_' : ''
  if (bytes[0] === 0 && bytes.length >= registryHeaderBytes)
    return {
      [`${prefix}bytes`]: String(bytes.length),
      [`${prefix}schema_id`]: String(bytes.readUInt32BE(1)),
    }
  if (!isUtf8(bytes)) return { [`${prefix}bytes`]: String(bytes.length) }
  const text = bytes.toString()
  return { [name]: name === 'key' ? jsonText(text) : (compactJson(text) ?? jsonText(text)) }
}

/** The wire format of schema registries: a zero, and the number of the schema in four bytes. */
const registryHeaderBytes = 5

/** Undefined: it is none. */
function jsonIn(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString())
  } catch {
    return undefined
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const spaces = new Set([0x20, 0x09, 0x0a, 0x0d])

/**
 * JSON on one line, without spaces between its tokens and otherwise as it is: digits, -0 and names that come
 * twice too. Undefined: the text is no JSON.
 */
function compactJson(text: string): string | undefined {
  try {
    JSON.parse(text)
  } catch {
    return undefined // another producer's
  }
  const parts: string[] = []
  let start = 0
  let isString = false
  for (let position = 0; position < text.length; position++) {
    const code = text.charCodeAt(position)
    if (isString && code === BACKSLASH) position += 1
    else if (code === QUOTE) isString = !isString
    else if (!isString && spaces.has(code)) {
      if (position > start) parts.push(text.slice(start, position))
      start = position + 1
    }
  }
  return parts.length === 0 && start === 0 ? text : parts.join('') + text.slice(start)
}
