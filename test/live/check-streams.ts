import { Ajv } from 'ajv'
import { isDeepStrictEqual } from 'node:util'
import type { Connector } from '../../connectors/connector.ts'
import {
  ConnectError,
  type AirbyteStream,
  type ConfiguredAirbyteStream,
  type JsonObject,
  type JsonValue,
} from '../../protocol/index.ts'
import { fullRefreshOf, incrementalOf } from '../connectors/collected.ts'
import type { LiveVendor } from './live-vendor.ts'
import { readSome, type SomeRecords } from './read-some.ts'
import type { Report } from './report.ts'

/**
 * Reads each stream twice, up to a small number of records: they fit the declared schema, and the second
 * read, which begins from the states of the first, brings no record again that the cursor has passed.
 */
export async function checkStreams(
  connector: Connector,
  { vendor, config, streams, report }: StreamChecks,
): Promise<void> {
  for (const stream of streams) {
    const name = `stream ${stream.name}`
    await report.lone(name, async () => {
      try {
        return await checkStream(connector, { vendor, config, stream })
      } catch (error) {
        if (!isRefused(error)) throw error
        // A free account, or its key, may not read everything.
        report.skipped(name, error.message)
        return null
      }
    })
  }
}

function isRefused(error: unknown): error is ConnectError {
  return error instanceof ConnectError && error.code === 'source_refused'
}

export interface StreamChecks {
  readonly vendor: LiveVendor
  readonly config: JsonObject
  readonly streams: readonly AirbyteStream[]
  readonly report: Report
}

interface StreamCheck extends Pick<StreamChecks, 'vendor' | 'config'> {
  readonly stream: AirbyteStream
}

async function checkStream(
  connector: Connector,
  { vendor, config, stream }: StreamCheck,
): Promise<string> {
  const configured = configuredOf(stream)
  const first = await readSome(connector, config, { stream: configured, states: new Map() })
  expectSchema(stream, first.records)
  const read = `${String(first.records.length)} records`
  if (configured.sync_mode !== 'incremental') return read
  if (!first.canContinue) return `${read}; it has more, and does not continue in the middle`
  const second = await readSome(connector, config, { stream: configured, states: first.states })
  expectSchema(stream, second.records)
  const again = repeated(stream, first, second)
  expectOverlapOnly(again, { stream, vendor, first })
  return `${read}, then ${String(second.records.length)}, ${String(again.length)} of them again`
}

function configuredOf(stream: AirbyteStream): ConfiguredAirbyteStream {
  const [cursor] = stream.default_cursor_field ?? []
  const isIncremental = stream.supported_sync_modes.includes('incremental')
  return isIncremental && cursor !== undefined
    ? incrementalOf(stream, cursor)
    : fullRefreshOf(stream)
}

function expectSchema({ json_schema }: AirbyteStream, records: readonly JsonObject[]): void {
  const schema = { ...json_schema }
  // Ajv knows another address of the same draft.
  Reflect.deleteProperty(schema, '$schema')
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema)
  const declared = Object.keys((schema.properties ?? {}) as JsonObject)
  for (const record of records) {
    if (!validate(record)) {
      const [error] = validate.errors ?? []
      throw new Error(
        `${error?.instancePath ?? ''} ${error?.message ?? ''}, by the declared schema`,
      )
    }
    const unknown = Object.keys(record).find((field) => !declared.includes(field))
    if (unknown !== undefined) throw new Error(`the schema does not declare ${unknown}`)
  }
}

/**
 * Unchanged records of the second read that the first one had. A record that changed meanwhile comes again
 * rightly.
 */
function repeated(
  { source_defined_primary_key: key }: AirbyteStream,
  first: SomeRecords,
  second: SomeRecords,
): readonly JsonObject[] {
  const keyOf = (record: JsonObject): string =>
    JSON.stringify(key?.map(([field = '']) => record[field]) ?? record)
  const known = new Map(first.records.map((record) => [keyOf(record), record]))
  return second.records.filter((record) => isDeepStrictEqual(known.get(keyOf(record)), record))
}

/** A read that was stopped goes on where it was; one that came to its end begins a little before it. */
function expectOverlapOnly(
  again: readonly JsonObject[],
  {
    stream,
    vendor,
    first,
  }: Pick<StreamCheck, 'stream' | 'vendor'> & { readonly first: SomeRecords },
): void {
  if (again.length === 0) return
  if (!first.isComplete) throw new Error(`${String(again.length)} records came twice after a stop`)
  const [cursor = ''] = stream.default_cursor_field ?? []
  const partition = vendor.partitionField ?? ''
  const newest = new Map<JsonValue | undefined, number>()
  for (const record of first.records) {
    const known = newest.get(record[partition]) ?? 0
    newest.set(record[partition], Math.max(known, secondsOf(record[cursor])))
  }
  const overlap = vendor.overlapSeconds(stream.name)
  const old = again.find(
    (record) => secondsOf(record[cursor]) < (newest.get(record[partition]) ?? 0) - overlap,
  )
  if (old !== undefined)
    throw new Error(`a record came again whose ${cursor} is ${JSON.stringify(old[cursor])}`)
}

/** A cursor is a time: seconds since 1970 as a number or a text, or ISO 8601. */
function secondsOf(value: JsonValue | undefined): number {
  if (typeof value === 'number') return value
  const text = typeof value === 'string' ? value : ''
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Date.parse(text) / 1000
}
