import type { Logger } from 'pino'
import type { RecordWriter, StoredRecord } from '../../../connectors/record-writer.ts'
import { ConnectError, type RecordData } from '../../../protocol/index.ts'
import type { TwoWaySession } from '../postgres/two-way-session.ts'
import type {
  PairSide,
  PairSideFacts,
  RecordRead,
  RecoveredWrite,
  SideWrite,
  SideWriteResult,
  SweptRecord,
} from '../pair-side.ts'
import type { ObjectShape } from './object-shape.ts'
import { deletedAt, readStream, type ConnectorSource, type ReadStates } from './read-stream.ts'
import { deletionIn, hashOfRecord, sharedValues, textIn, timeOf } from './record-values.ts'
import type { StoredStates } from './stored-states.ts'
import { SweptTable, type SweptRow } from './swept-table.ts'
import { creationValue, writeRecords, type WriteContext } from './write-records.ts'

// How this folder is laid out, each part above those that it imports:
//   open-connector-side.ts   opens a side from what a person wrote
//   connector-side.ts        the contract of pair-side.ts
//   write-records.ts         writes, and what their results mean for a pair
//   read-stream.ts           reads as `connect` does; swept-table.ts sorts what a whole read gives
//   stored-states.ts         where reads of changes go on
//   record-values.ts, shared-value.ts   the texts that both sides compare: pure
//   object-shape.ts          the vendor's object, and what cannot be kept the same

export interface ConnectorSideOptions {
  readonly source: ConnectorSource
  readonly writer: RecordWriter
  /** By stream. */
  readonly shapes: ReadonlyMap<string, ObjectShape>
  /** Opens a session of PostgreSQL for the ids of a whole read, in a temporary table. */
  readonly openSession: () => TwoWaySession
  readonly states: StoredStates
  readonly mode: 'guarded' | 'fast'
  readonly facts: PairSideFacts
  readonly logger: Logger
  readonly signal: AbortSignal
  now(): number
}

interface FilledTable {
  readonly table: SweptTable
  /** Where the next read of changes begins. */
  readonly end: ReadStates
}

interface WholeRead {
  readonly filled: Promise<FilledTable>
  readonly begunMs: number
  isSwept: boolean
}

/** A whole read is that old before it is made again to look for records by a field. */
const longestAgeMs = 300_000
/** Fewer values are looked up with the vendor, if the field is an external id. */
const mostLookups = 200

/** Objects of a vendor as a side: read as `connect` reads them, and written through a RecordWriter. */
export class ConnectorSide implements PairSide, AsyncDisposable {
  readonly facts: PairSideFacts
  readonly #options: ConnectorSideOptions
  readonly #reads = new Map<string, WholeRead>()
  /** Ends of reads whose records are not worked yet, by stream. */
  readonly #ends = new Map<string, ReadStates>()

  constructor(options: ConnectorSideOptions) {
    this.#options = options
    this.facts = options.facts
  }

  /** Makes the table of the states, if it is not there yet. */
  async setUp(): Promise<void> {
    await this.#options.states.setUp()
  }

  /** Reads of changes miss records that are hidden, so a sweep is a whole read. */
  async *sweep(stream: string, signal: AbortSignal): AsyncGenerator<readonly SweptRecord[]> {
    const shape = this.#shape(stream)
    const known = this.#reads.get(stream)
    const read = known !== undefined && this.#isUsable(known) && !known.isSwept ? known : undefined
    const swept = read ?? (await this.#begin(stream, shape))
    swept.isSwept = true
    const { table, end } = await swept.filled
    this.#ends.set(stream, end)
    yield* table.pages(signal)
  }

  /** Since the last round that ended; all records if there was none. Needs a cursor. */
  async changedIds(stream: string): Promise<readonly string[]> {
    const shape = this.#shape(stream)
    if (shape.options.cursor === undefined) return []
    const { source, states } = this.#options
    const ids = new Set<string>()
    const end = await readStream(source, shape, {
      states: await states.load(stream),
      visit: (records) => {
        for (const record of records) {
          const id = record[shape.key]
          if (typeof id === 'string') ids.add(id)
        }
        return Promise.resolve()
      },
    })
    this.#ends.set(stream, end)
    return [...ids]
  }

  /** All that was read is worked: the next read of changes begins where this one ended. */
  async roundEnded(): Promise<void> {
    for (const [stream, end] of this.#ends)
      if (Object.keys(end).length > 0) await this.#options.states.save(stream, end)
    this.#ends.clear()
  }

  async read(stream: string, ids: readonly string[]): Promise<readonly RecordRead[]> {
    if (ids.length === 0) return []
    const shape = this.#shape(stream)
    const { writer, signal } = this.#options
    const object = shape.object.name
    const found = await writer.read({
      ...{ object, by: 'id', values: ids, signal },
      fields: fieldsToRead(shape),
    })
    const byId = new Map(found.map((record) => [record.id, record]))
    const missing = await this.#findMissing(
      shape,
      ids.filter((id) => !byId.has(id)),
    )
    return ids.map((id) => {
      const record = byId.get(id)
      return record === undefined
        ? (missing.get(id) ?? { read: { found: 'hidden' }, hash: null })
        : recordRead(record, shape)
    })
  }

  async findByField(
    stream: string,
    field: string,
    values: readonly string[],
  ): Promise<readonly { readonly id: string; readonly value: string }[]> {
    if (values.length === 0) return []
    const shape = this.#shape(stream)
    const own = shape.fields.get(field)
    if (
      own?.kind === 'text' &&
      own.lens === undefined &&
      shape.object.externalIds.includes(own.name)
    ) {
      const current = this.#reads.get(stream)
      const isFresh = current !== undefined && this.#isUsable(current)
      if (!isFresh && values.length <= mostLookups) return this.#lookUp(shape, own.name, values)
    }
    return (await this.#wholeRead(stream, shape)).find(values)
  }

  async write(stream: string, writes: readonly SideWrite[]): Promise<readonly SideWriteResult[]> {
    if (writes.length === 0) return []
    return writeRecords(writes, this.#writeContext(stream))
  }

  /** A creation is found by its external id, or repeated if the vendor carries it out only once. */
  async recover(stream: string, writes: readonly SideWrite[]): Promise<readonly RecoveredWrite[]> {
    if (writes.length === 0) return []
    const shape = this.#shape(stream)
    const creations = writes.filter(({ operation }) => isCreation(operation))
    const others = writes.filter(({ operation }) => !isCreation(operation))
    const reads = await this.read(
      stream,
      others.map(({ record }) => record ?? ''),
    )
    const found = new Map<SideWrite, RecoveredWrite>(
      others.map((write, index) => [
        write,
        { known: 'record', read: reads[index]?.read ?? { found: 'unread' } },
      ]),
    )
    for (const [write, result] of await this.#recoverCreations(stream, shape, creations))
      found.set(write, result)
    return writes.map((write) => found.get(write) ?? { known: 'record', read: { found: 'unread' } })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const reads = [...this.#reads.values()]
    this.#reads.clear()
    for (const { filled } of reads) await disposeTable(filled)
  }

  async #recoverCreations(
    stream: string,
    shape: ObjectShape,
    writes: readonly SideWrite[],
  ): Promise<readonly (readonly [SideWrite, RecoveredWrite])[]> {
    if (writes.length === 0) return []
    const { creation } = shape
    if (creation.by === 'key' || creation.by === 'none') {
      const results = await this.write(stream, writes)
      return writes.map((write, index) => {
        const result = results[index] ?? { outcome: 'unknown' }
        return result.outcome === 'unknown'
          ? [write, { known: 'record', read: { found: 'unread' } }]
          : [write, { known: 'result', result }]
      })
    }
    const { writer, signal } = this.#options
    const keys = writes.map((write) => creationValue(shape, write))
    const found = await writer.read({
      ...{ object: shape.object.name, by: { externalIdField: creation.field }, signal },
      values: keys.filter((key) => key !== undefined),
      fields: fieldsToRead(shape),
    })
    const byKey = new Map(found.map((record) => [record.externalId?.toLowerCase(), record]))
    return writes.map((write, index) => {
      const record = byKey.get(keys[index]?.toLowerCase())
      const read = record === undefined ? undefined : recordRead(record, shape).read
      return [write, { known: 'record', read: read ?? { found: 'never' } }]
    })
  }

  /** Deleted, if the vendor says so, or if this user sees everything. Otherwise it may be hidden. */
  async #findMissing(
    shape: ObjectShape,
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, RecordRead>> {
    if (ids.length === 0) return new Map()
    const { writer, signal } = this.#options
    const object = shape.object.name
    const deleted = (await writer.findDeleted?.({ object, ids, signal })) ?? []
    const missing = new Map(
      deleted.map(({ id, deletedAtMs, mergedInto }): [string, RecordRead] => [
        id,
        {
          read: { found: 'deleted', deletedAtMs },
          hash: null,
          ...(mergedInto !== undefined && { mergedInto }),
        },
      ]),
    )
    const unknown = ids.filter((id) => !missing.has(id))
    if (unknown.length > 0 && (await this.#areGone(shape)))
      for (const id of unknown)
        missing.set(id, { read: { found: 'deleted', deletedAtMs: null }, hash: null })
    return missing
  }

  async #areGone({ options }: ObjectShape): Promise<boolean> {
    const { writer, signal } = this.#options
    return (await writer.seesAll?.(signal)) ?? options.missing === 'deleted'
  }

  #writeContext(stream: string): WriteContext {
    const { writer, signal, logger } = this.#options
    const shape = this.#shape(stream)
    const mode = shape.options.mode ?? this.#options.mode
    return {
      ...{ shape, writer, mode, signal, logger },
      now: () => this.#options.now(),
      read: (ids) => this.read(stream, ids),
    }
  }

  async #lookUp(
    { object }: ObjectShape,
    externalIdField: string,
    values: readonly string[],
  ): Promise<readonly { readonly id: string; readonly value: string }[]> {
    const { writer, signal } = this.#options
    const request = { object: object.name, by: { externalIdField }, values, fields: [], signal }
    return (await writer.read(request)).flatMap(({ id, externalId: value }) =>
      value === null ? [] : [{ id, value }],
    )
  }

  async #wholeRead(stream: string, shape: ObjectShape): Promise<SweptTable> {
    const known = this.#reads.get(stream)
    const { filled } =
      known !== undefined && this.#isUsable(known) ? known : await this.#begin(stream, shape)
    return (await filled).table
  }

  #isUsable({ begunMs }: WholeRead): boolean {
    return this.#options.now() - begunMs < longestAgeMs
  }

  async #begin(stream: string, shape: ObjectShape): Promise<WholeRead> {
    const old = this.#reads.get(stream)
    this.#reads.delete(stream)
    if (old !== undefined) await disposeTable(old.filled)
    const read = { filled: this.#fill(shape), begunMs: this.#options.now(), isSwept: false }
    this.#reads.set(stream, read)
    try {
      await read.filled
      return read
    } catch (error) {
      this.#reads.delete(stream)
      throw error
    }
  }

  async #fill(shape: ObjectShape): Promise<FilledTable> {
    const { source, openSession } = this.#options
    const table = await SweptTable.open(openSession())
    try {
      const end = await readStream(source, shape, {
        states: {},
        visit: (records) => table.add(records.flatMap((record) => sweptRow(record, shape))),
      })
      return { table, end }
    } catch (error) {
      await table[Symbol.asyncDispose]()
      throw error
    }
  }

  #shape(stream: string): ObjectShape {
    const shape = this.#options.shapes.get(stream)
    if (shape !== undefined) return shape
    const details = { stream, problem: 'this side has no object for it', fix: 'Name its object.' }
    throw new ConnectError('pair_stream_invalid', { details })
  }
}

function isCreation(operation: SideWrite['operation']): boolean {
  return operation === 'create' || operation === 'restore'
}

/** A read that failed has closed its table. */
async function disposeTable(filled: Promise<FilledTable>): Promise<void> {
  const open = await filled.catch(() => undefined)
  await open?.table[Symbol.asyncDispose]()
}

function fieldsToRead(shape: ObjectShape): readonly string[] {
  const { fields, constants, creation, modified, deleted } = shape
  const names = [...fields.values(), ...constants, modified, deleted].flatMap(
    (field) => field?.name ?? [],
  )
  return [...new Set([...names, ...(creation.by === 'link' ? [creation.field] : [])])]
}

function sweptRow(record: RecordData, shape: ObjectShape): readonly SweptRow[] {
  const { key, matchField } = shape
  const { [key]: id, [deletedAt]: deleted = null } = record
  if (typeof id !== 'string' || deleted !== null || deletionIn(shape, record) !== undefined)
    return []
  const values = sharedValues(shape, record)
  if (values === undefined) return []
  const value = matchField === undefined ? null : values[matchField]
  const text = typeof value === 'string' ? value : null
  return [{ id, hash: hashOfRecord(values), value: text }]
}

function recordRead({ id, version, fields }: StoredRecord, shape: ObjectShape): RecordRead {
  const deletion = deletionIn(shape, fields)
  if (deletion !== undefined) return { read: { found: 'deleted', ...deletion }, hash: null }
  const values = sharedValues(shape, fields)
  if (values === undefined) return { read: { found: 'hidden' }, hash: null }
  const { modified, creation } = shape
  const modifiedAtMs = modified === undefined ? null : timeOf(textIn(shape, fields, modified))
  const link = creation.by === 'link' ? fields[creation.field] : undefined
  return {
    read: { found: 'present', id, values, version: version ?? null, modifiedAtMs },
    hash: hashOfRecord(values),
    ...(typeof link === 'string' && link !== '' && { link }),
  }
}
