import {
  ConnectError,
  isJsonList,
  isJsonObject,
  type JsonObject,
  type RecordData,
} from '../../../protocol/index.ts'
import { urlPath } from '../../action.ts'
import type { ConnectorContext, ReadTask, RecordOutput } from '../../connector.ts'
import type { LoadedManifest } from '../../manifest/load-manifest-file.ts'
import { BulkQuery } from './bulk-query.ts'
import {
  cursorOf,
  deletedAt,
  describeObject,
  type ObjectCursor,
  type SalesforceObject,
} from './objects.ts'
import { orderedQuery, splitNames, unorderedQuery, type ObjectQuery } from './object-query.ts'
import { hasNoLog, purgedRecords } from './purged-records.ts'
import { afterPass, stateOf, type ReadState } from './read-state.ts'
import { RecordValues } from './record-values.ts'
import { SalesforceApi, SalesforceRefusal, type QueryPage } from './salesforce-api.ts'

interface ReadOptions {
  readonly loaded: LoadedManifest
  readonly out: RecordOutput
  readonly context: ConnectorContext
}

/** Records that are written at once. */
const batchRows = 1_000
const defaultLateMinutes = 10
const defaultBulkRows = 20_000

/**
 * Reads an object: all records in the order of (cursor, Id), page by page, and each time later what has a
 * higher cursor. A large rest is read by a job of the Bulk API, in any order.
 */
export async function readObject(
  task: ReadTask,
  { loaded, out, context }: ReadOptions,
): Promise<'complete' | 'stopped'> {
  const { config, stream } = task
  await using api = new SalesforceApi({ loaded, config, stream: stream.stream.name, out, context })
  const read = new ObjectRead(task, { api, out, context })
  try {
    await read.run()
    return 'complete'
  } catch (error) {
    if (!context.signal.aborted) throw failureOf(error, stream.stream.name)
    await read.coverRecords()
    return 'stopped'
  }
}

class ObjectRead {
  readonly #task: ReadTask
  readonly #api: SalesforceApi
  readonly #out: RecordOutput
  readonly #context: ConnectorContext
  #state: ReadState | undefined
  #isCovered = true
  /** Ids of records that this pass gave as deleted. */
  readonly #deleted = new Set<string>()

  constructor(
    task: ReadTask,
    {
      api,
      out,
      context,
    }: {
      readonly api: SalesforceApi
      readonly out: RecordOutput
      readonly context: ConnectorContext
    },
  ) {
    this.#task = task
    this.#api = api
    this.#out = out
    this.#context = context
  }

  async run(): Promise<void> {
    this.#context.signal.throwIfAborted()
    const { stream, sync_mode: mode } = this.#task.stream
    const object = await describeObject(this.#api, stream.name)
    const cursor = mode === 'incremental' ? cursorOf(object) : undefined
    if (mode === 'incremental' && cursor === undefined) throw this.#withoutCursor()
    const state = this.#startState(cursor)
    this.#state = state
    if (state.is_done !== true) await this.#pass(this.#shape(object, cursor))
    else await this.#cover(state)
  }

  /** Gives the last state again if records came after it: a read that starts from it gives them again. */
  async coverRecords(): Promise<void> {
    if (!this.#isCovered && this.#state !== undefined) await this.#cover(this.#state)
  }

  #startState(cursor: ObjectCursor | undefined): ReadState {
    const { config, state, stream } = this.#task
    const { start_date: start } = config
    return stateOf(state, {
      stream: stream.stream.name,
      cursor: cursor?.field ?? null,
      startDate: typeof start === 'string' ? start : null,
    })
  }

  /** The columns of the stream that the user sees now. Others keep the values that they have. */
  #shape(object: SalesforceObject, cursor: ObjectCursor | undefined): ReadShape {
    const { properties } = this.#task.stream.stream.json_schema
    const wanted = isJsonObject(properties) ? properties : {}
    const fields = object.fields.filter(({ name }) => Object.hasOwn(wanted, name))
    const seen = new Set(fields.map(({ name }) => name))
    const hidden = Object.entries(wanted).filter(
      ([name, schema]) => !seen.has(name) && name !== deletedAt && !isAbsent(schema),
    )
    if (hidden.length > 0)
      this.#context.warn?.(
        `The user no longer sees these fields, so their columns get no values: ${hidden.map(([name]) => name).join(', ')}. Give it a permission set that reads them, or discover again if they were deleted.`,
      )
    const hasDeletion = Object.hasOwn(wanted, deletedAt)
    const showsDeleted = cursor?.showsDeleted === true
    const own = [
      'Id',
      ...(cursor === undefined ? [] : [cursor.field]),
      ...(showsDeleted ? ['IsDeleted'] : []),
    ]
    const names = [...new Set([...own, ...seen])]
    return {
      ...splitNames(names),
      names,
      object,
      showsDeleted: showsDeleted && hasDeletion,
      values: new RecordValues(
        fields,
        hasDeletion ? (cursor?.field ?? 'SystemModstamp') : undefined,
      ),
    }
  }

  async #pass(shape: ReadShape): Promise<void> {
    const { job, is_first: isFirst, from } = this.#current()
    if (job === undefined || !(await this.#readJob(shape, new BulkQuery(this.#api, job.id))))
      await this.#readPages(shape)
    const done = this.#current()
    if (done.cursor === null) {
      await this.#cover({ ...withoutPlace(done), is_done: true })
      return
    }
    if (!isFirst && from !== null && shape.showsDeleted && shape.object.replicateable)
      await this.#readPurged(shape, { from, to: done.begun ?? from })
    await this.#cover(afterPass(done, this.#lateMs))
  }

  async #readPages(shape: ReadShape): Promise<void> {
    let page = await this.#firstPage(shape)
    const { begun } = this.#current()
    const now = (page.serverTime ?? Math.floor(this.#context.now() / 1000)) * 1000
    this.#state = { ...this.#current(), begun: begun ?? new Date(now).toISOString() }
    let isLarge = page.next !== undefined && page.totalSize >= this.#bulkRows
    for (;;) {
      await this.#givePage(shape, page)
      if (page.next === undefined) return
      if (isLarge) {
        const job = await this.#beginJob(shape)
        if (job !== undefined && (await this.#readJob(shape, job))) return
        isLarge = job !== undefined
      }
      page = await this.#nextPage(shape, page.next)
    }
  }

  #firstPage(shape: ReadShape): Promise<QueryPage> {
    const soql = orderedQuery(shape.queried, this.#query(shape))
    return this.#api.query(soql, { withDeleted: this.#asksForDeleted(shape) })
  }

  /** Salesforce forgets the places in a query after some days, or when there are too many. */
  async #nextPage(shape: ReadShape, path: string): Promise<QueryPage> {
    try {
      return await this.#api.nextPage(path)
    } catch (error) {
      const isForgotten = error instanceof SalesforceRefusal && forgotten.has(error.code)
      if (!isForgotten) throw error
      this.#state = { ...this.#current(), is_resumed: true }
      return this.#firstPage(shape)
    }
  }

  async #givePage(shape: ReadShape, { records }: QueryPage): Promise<void> {
    const last = records.at(-1)
    if (last !== undefined) {
      const whole = await this.#completed(shape, records)
      await this.#give(whole.map((record) => shape.values.fromJson(record)))
      const state = this.#current()
      this.#state = { ...state, after: this.#positionOf(last, state.cursor) }
    }
    await this.#cover(this.#current())
    this.#context.signal.throwIfAborted()
  }

  /** With the fields that did not fit into the query. A record that was deleted since lacks them. */
  async #completed(
    { retrieved, object }: ReadShape,
    records: readonly RecordData[],
  ): Promise<readonly RecordData[]> {
    if (retrieved.length === 0) return records
    const ids = records.map(idOf)
    const path = urlPath`composite/sobjects/${object.name}`
    const rest = await this.#api.post(path, { ids, fields: ['Id', ...retrieved] })
    if (!isJsonList(rest)) throw this.#api.unreadable('It is no list of records.')
    const byId = new Map(rest.filter(isJsonObject).map((record) => [record.Id, record]))
    return records.map((record) => ({ ...byId.get(idOf(record)), ...record }))
  }

  async #beginJob(shape: ReadShape): Promise<BulkQuery | undefined> {
    const soql = unorderedQuery(shape.names, this.#query(shape))
    const withDeleted = this.#asksForDeleted(shape)
    const job = await BulkQuery.begin(this.#api, soql, { withDeleted })
    if (job !== undefined)
      await this.#cover({ ...this.#current(), job: { id: job.id, locator: null } })
    return job
  }

  /** Reads what is left of a job; false if Salesforce no longer has it. */
  async #readJob(shape: ReadShape, job: BulkQuery): Promise<boolean> {
    const isThere = await job.complete()
    for (let locator = this.#current().job?.locator ?? null; isThere;) {
      const page = await job.page(locator)
      if (page === undefined) break
      await this.#give(page.rows.map((row) => shape.values.fromTexts(row)))
      const state = this.#current()
      const stamps =
        state.cursor === null ? [] : page.rows.map((row) => row[state.cursor ?? ''] ?? '')
      const newest = [...stamps, state.newest ?? '', state.after?.stamp ?? ''].reduce(later, '')
      locator = page.locator
      await this.#cover({
        ...state,
        ...(newest !== '' && { newest }),
        job: { id: job.id, locator },
      })
      if (locator === null) return true
      this.#context.signal.throwIfAborted()
    }
    this.#state = withoutJob(this.#current())
    return false
  }

  async #readPurged(
    shape: ReadShape,
    range: { readonly from: string; readonly to: string },
  ): Promise<void> {
    try {
      const seen = this.#deleted
      const purged = await purgedRecords(this.#api, shape.object.name, { ...range, seen })
      await this.#give(purged.map(({ id, time }) => shape.values.purged(id, time)))
    } catch (error) {
      if (!hasNoLog(error)) throw error
      this.#context.warn?.(
        `Salesforce does not show the log of deletions, so records that were purged stay in the table: ${error instanceof Error ? error.message : ''}`,
      )
    }
  }

  #query({ object }: ReadShape): ObjectQuery {
    const { cursor, from, after } = this.#current()
    return { object: object.name, cursor, from, after }
  }

  #asksForDeleted({ showsDeleted }: ReadShape): boolean {
    return showsDeleted && !this.#current().is_first
  }

  #positionOf({ Id: id, ...row }: RecordData, cursor: string | null) {
    const stamp = cursor === null ? null : row[cursor]
    if (typeof id !== 'string' || (typeof stamp !== 'string' && cursor !== null))
      throw this.#api.unreadable(`A record has no Id or no ${cursor ?? 'Id'}.`)
    return { id, stamp: typeof stamp === 'string' ? stamp.replace(/\+0000$/, 'Z') : null }
  }

  async #give(records: readonly RecordData[]): Promise<void> {
    for (const { Id: id, [deletedAt]: deleted = null } of records)
      if (deleted !== null && typeof id === 'string') this.#deleted.add(id)
    for (let start = 0; start < records.length; start += batchRows) {
      this.#isCovered = false
      await this.#out.records(records.slice(start, start + batchRows))
    }
  }

  async #cover(state: ReadState): Promise<void> {
    this.#state = state
    await this.#out.state(state)
    this.#isCovered = true
  }

  #current(): ReadState {
    if (this.#state === undefined) throw new TypeError('the read has not begun')
    return this.#state
  }

  get #lateMs(): number {
    const { late_minutes: minutes } = this.#task.config
    return (typeof minutes === 'number' ? minutes : defaultLateMinutes) * 60_000
  }

  get #bulkRows(): number {
    const { bulk_from_rows: rows } = this.#task.config
    return typeof rows === 'number' ? rows : defaultBulkRows
  }

  #withoutCursor(): ConnectError {
    const { name } = this.#task.stream.stream
    const reason =
      'the user sees no field that orders its changes any more; read it with full_refresh'
    return new ConnectError('source_refused', { details: { subject: `Stream ${name}`, reason } })
  }
}

interface ReadShape {
  readonly object: SalesforceObject
  /** All fields, those of a query, and those that do not fit into its address. */
  readonly names: readonly string[]
  readonly queried: readonly string[]
  readonly retrieved: readonly string[]
  readonly showsDeleted: boolean
  readonly values: RecordValues
}

const forgotten = new Set(['INVALID_QUERY_LOCATOR', 'QUERY_LOCATOR_NOT_FOUND', 'NOT_FOUND'])

function isAbsent(schema: unknown): boolean {
  return isJsonObject(schema) && schema.reactor_absent === true
}

/** As it was before the job: all that it gave comes again. */
function withoutJob(state: ReadState): ReadState {
  const { job, newest, ...rest } = state
  return job === undefined && newest === undefined ? state : { ...rest, is_resumed: true }
}

function idOf({ Id: id }: RecordData): string {
  return typeof id === 'string' ? id : ''
}

function later(a: string, b: string): string {
  return a > b ? a : b
}

function withoutPlace({ cursor, from, is_first }: ReadState): ReadState {
  return { cursor, from, is_first }
}

const missing = new Set(['INVALID_TYPE', 'NOT_FOUND'])
const passing = new Set([
  'QUERY_TIMEOUT',
  'OPERATION_TOO_LARGE',
  'UNABLE_TO_LOCK_ROW',
  'SERVER_UNAVAILABLE',
])

/** The error for users. */
export function failureOf(error: unknown, stream: string): unknown {
  if (!(error instanceof SalesforceRefusal)) return error
  if (missing.has(error.code))
    return new ConnectError('source_stream_missing', { details: { stream } })
  const details: JsonObject = { subject: `Stream ${stream}`, reason: error.message }
  return new ConnectError(passing.has(error.code) ? 'source_unavailable' : 'source_refused', {
    details,
  })
}
