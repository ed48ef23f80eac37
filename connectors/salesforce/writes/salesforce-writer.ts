import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectError, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import { type Action, urlPath } from '../../action.ts'
import type { ActionClient, ActionContext } from '../../connector.ts'
import type {
  DeletedRecord,
  FindDeletedRequest,
  ReadRequest,
  RecordWrite,
  RecordWriter,
  StoredRecord,
  WritableObject,
  WriteRequest,
  WriteResult,
} from '../../record-writer.ts'
import { deleteRecords } from '../actions/collections.ts'
import { describeObject, query } from '../actions/queries.ts'
import { DeletedRecords } from './deleted-records.ts'
import { quotedLists } from './quoted-lists.ts'
import {
  changeReady,
  composed,
  createReady,
  guardedUpdates,
  listIn,
  retrieved,
  retrieveRecords,
} from './own-calls.ts'
import { splitDistinct } from './split-distinct.ts'
import { collectionSize, unknownObject, writableObject } from './writable-object.ts'
import { changedFields, guardedResult, refused, refusedBy, resultOf } from './write-result.ts'

const timeoutMs = 120_000
/** Locks of other transactions: Salesforce itself has waited for 10 seconds before it says so. */
const lockTries = 4
const lockWaitSeconds = 0.5
const versionField = 'SystemModstamp'

type Batch = Omit<WriteRequest, 'readsBack'>

/** Writes records of Salesforce, 200 with a call. */
export class SalesforceWriter implements RecordWriter {
  readonly #client: ActionClient
  readonly #deletions: DeletedRecords
  readonly #sleep: (seconds: number, signal: AbortSignal) => Promise<void>

  constructor(client: ActionClient, { waits, now }: Pick<ActionContext, 'waits' | 'now'>) {
    this.#client = client
    this.#deletions = new DeletedRecords(
      (action, input, signal) => this.#send(action, input, signal),
      now,
    )
    this.#sleep = (seconds, signal) =>
      waits?.sleep(seconds, signal) ?? sleep(seconds * 1000, undefined, { signal })
  }

  async describe(object: string): Promise<WritableObject> {
    const signal = new AbortController().signal
    try {
      return writableObject(await this.#send(describeObject, { object }, signal))
    } catch (error) {
      if (error instanceof ConnectError && error.code === 'action_refused')
        throw unknownObject(object, textOf(error.details.reason) ?? 'there is no such object')
      throw error
    }
  }

  async write(request: WriteRequest): Promise<readonly WriteResult[]> {
    const results: WriteResult[] = []
    for (const wave of splitDistinct(request.records)) {
      const size = request.records.some(isGuarded) ? composed : collectionSize
      for (let start = 0; start < wave.length; start += size) {
        const part = wave.slice(start, start + size)
        const batch = { ...request, records: part.map(({ record }) => record) }
        const written = await this.#orRest(batch, results.length > 0)
        for (const [index, { places }] of part.entries()) {
          const result = written[index]
          if (result !== undefined) for (const place of places) results[place] = result
        }
      }
    }
    return request.readsBack === true ? this.#readBack(request, results) : results
  }

  async read(request: ReadRequest): Promise<readonly StoredRecord[]> {
    const { by, object, values, fields, signal } = request
    const wanted = [...new Set([...fields, versionField])].filter((name) => name !== 'Id')
    if (by === 'id') {
      const found: StoredRecord[] = []
      for (let start = 0; start < values.length; start += retrieved) {
        const ids = values.slice(start, start + retrieved)
        const output = await this.#send(retrieveRecords, { object, ids, fields: wanted }, signal)
        found.push(...listIn(output, 'results').flatMap((record) => storedRecord(record, null)))
      }
      return found
    }
    return this.#readByExternalId(request, by.externalIdField, wanted)
  }

  findDeleted(request: FindDeletedRequest): Promise<readonly DeletedRecord[]> {
    return this.#deletions.find(request)
  }

  seesAll(signal: AbortSignal): Promise<boolean> {
    return this.#deletions.seesAll(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]()
  }

  async #readByExternalId(
    { object, values, signal }: ReadRequest,
    field: string,
    wanted: readonly string[],
  ): Promise<readonly StoredRecord[]> {
    const found: StoredRecord[] = []
    const names = [...new Set(['Id', field, ...wanted])].join(',')
    for (const list of quotedLists(values)) {
      const soql = `SELECT ${names} FROM ${object} WHERE ${field} IN (${list})`
      // A list of values has less records than a page.
      const output = await this.#send(query, { soql }, signal)
      found.push(...listIn(output, 'records').flatMap((record) => storedRecord(record, field)))
    }
    return found
  }

  /** After a part was written, a failure of the whole is one of the records that are left. */
  async #orRest(batch: Batch, hasWritten: boolean): Promise<readonly WriteResult[]> {
    try {
      return await this.#writePart(batch)
    } catch (error) {
      if (!hasWritten || !(error instanceof ConnectError)) throw error
      const { code, message } = error
      const isUnclear = code === 'action_outcome_unknown'
      const facts = { code: isUnclear ? 'outcome_unknown' : 'unavailable', message, fields: [] }
      return batch.records.map(() => refused({ ...facts, mayRetry: true, isUnclear }))
    }
  }

  /** Records that are locked are sent again; the others have their results. */
  async #writePart(batch: Batch): Promise<readonly WriteResult[]> {
    const results = [...(await this.#sendPart(batch))]
    for (let tries = 1; tries < lockTries; tries += 1) {
      const locked = [...results.entries()].filter(([, result]) => isLocked(result))
      if (locked.length === 0) break
      await this.#sleep(lockWaitSeconds * 2 ** tries, batch.signal)
      const records = locked.flatMap(([place]) => batch.records[place] ?? [])
      const again = await this.#sendPart({ ...batch, records })
      for (const [index, [place]] of locked.entries()) results[place] = again[index] ?? lostResult
    }
    return results
  }

  /**
   * One request. If Salesforce refuses it as a whole (a value of another type), each half is tried alone,
   * until the record is found that is the reason.
   */
  async #sendPart(batch: Batch): Promise<readonly WriteResult[]> {
    const { records } = batch
    try {
      return await this.#request(batch)
    } catch (error) {
      if (!(error instanceof ConnectError) || error.code !== 'action_refused') throw error
      if (records.length === 1) return [refusedBy(error)]
      const middle = Math.ceil(records.length / 2)
      const first = await this.#sendPart({ ...batch, records: records.slice(0, middle) })
      const second = await this.#sendPart({ ...batch, records: records.slice(middle) })
      return [...first, ...second]
    }
  }

  async #request({ object, operation, externalIdField, records, signal }: Batch) {
    const results = (output: JsonValue, name = 'results'): readonly WriteResult[] => {
      const list = listIn(output, name)
      return records.map(({ id }, index) => {
        const result = list[index]
        if (result === undefined) return lostResult
        return name === 'results' ? resultOf(result, id) : guardedResult(result, id ?? '')
      })
    }
    const attributes = { type: object }
    switch (operation) {
      case 'create': {
        const own = records.map((record) => ({ attributes, ...fieldsOf(record) }))
        return results(await this.#send(createReady, { records: own }, signal))
      }
      case 'update': {
        if (records.some(isGuarded))
          return results(...(await this.#guarded(object, records, signal)))
        const own = records.map((record) => {
          return { attributes, Id: record.id ?? '', ...fieldsOf(record) }
        })
        const input = { path: 'composite/sobjects', records: own }
        return results(await this.#send(changeReady, input, signal))
      }
      case 'upsert': {
        const field = externalIdField ?? ''
        const own = records.map((record) => {
          return { attributes, ...fieldsOf(record), [field]: record.externalId ?? null }
        })
        const path = urlPath`composite/sobjects/${object}/${field}`
        return results(await this.#send(changeReady, { path, records: own }, signal))
      }
      case 'delete': {
        const input = { ids: records.map(({ id = '' }) => id) }
        return results(await this.#send(deleteRecords, input, signal))
      }
    }
  }

  async #guarded(
    object: string,
    records: readonly RecordWrite[],
    signal: AbortSignal,
  ): Promise<readonly [output: JsonValue, name: string]> {
    const updates = records.map((record) => ({
      id: record.id ?? '',
      fields: fieldsOf(record),
      // Without a version, it was never changed later than now.
      since: record.ifVersion ?? new Date(farFuture).toISOString(),
    }))
    const output = await this.#send(guardedUpdates, { object, updates }, signal)
    return [output, 'compositeResponse']
  }

  /** The versions of the written records, and the values that Salesforce has changed. */
  async #readBack(
    { object, operation, records, signal }: WriteRequest,
    results: readonly WriteResult[],
  ): Promise<readonly WriteResult[]> {
    if (operation === 'delete') return results
    const ids = [...new Set(results.flatMap((result) => (result.isWritten ? [result.id] : [])))]
    if (ids.length === 0) return results
    const names = new Set(records.flatMap(({ fields }) => Object.keys(fields)))
    const found = await this.read({ object, by: 'id', values: ids, fields: [...names], signal })
    const byId = new Map(found.map((record) => [record.id, record]))
    return results.map((result, place) => {
      const stored = result.isWritten ? byId.get(result.id) : undefined
      if (!result.isWritten || stored === undefined) return result
      const changed = changedFields(records[place]?.fields ?? {}, stored.fields)
      const { version } = stored
      return { ...result, ...(version !== undefined && { version }), changed }
    })
  }

  async #send(action: Action, input: unknown, signal: AbortSignal): Promise<JsonValue> {
    const { output } = await this.#client.send(action.call(input), {
      timeoutMs,
      signal,
      mayComeAgain: true,
      idempotencyKey: '',
    })
    return output
  }
}

const farFuture = Date.parse('9999-01-01T00:00:00Z')

const lostResult = refused({
  code: 'UNKNOWN_EXCEPTION',
  message: 'the response has no result for this record',
  fields: [],
  isUnclear: true,
})

/** A reference is the object that it leads to, with its external id: `"Account": { "Code__c": "A-1" }`. */
function fieldsOf({ fields, references }: RecordWrite): JsonObject {
  if (references === undefined) return fields
  const objects = Object.entries(references).map(([field, { externalIdField, value }]) => [
    relationshipOf(field),
    { [externalIdField]: value },
  ])
  return { ...fields, ...(Object.fromEntries(objects) as JsonObject) }
}

/** `AccountId` -> `Account`, `Account__c` -> `Account__r`. */
function relationshipOf(field: string): string {
  return field.endsWith('__c') ? field.replace(/__c$/, '__r') : field.replace(/Id$/, '')
}

function isGuarded({ ifVersion }: RecordWrite): boolean {
  return ifVersion !== undefined
}

function isLocked(result: WriteResult): boolean {
  return !result.isWritten && result.error.code === 'UNABLE_TO_LOCK_ROW'
}

function storedRecord(record: JsonObject, externalIdField: string | null): readonly StoredRecord[] {
  const { Id: id, [versionField]: version } = record
  if (typeof id !== 'string') return []
  const value = externalIdField === null ? undefined : record[externalIdField]
  return [
    {
      id,
      externalId: textOf(value) ?? null,
      version: typeof version === 'string' ? version : undefined,
      fields: Object.fromEntries(Object.entries(record).filter(([name]) => name !== 'attributes')),
    },
  ]
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
