import {
  ConnectError,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import type { Action } from '../../action.ts'
import type { DeletedRecord, FindDeletedRequest } from '../../record-writer.ts'
import { describeObject, query } from '../actions/queries.ts'
import { quoted } from '../streams/object-query.ts'
import { deletionLog, listIn, organizationRoot } from './own-calls.ts'
import { quotedLists } from './quoted-lists.ts'

type Send = (action: Action, input: unknown, signal: AbortSignal) => Promise<JsonValue>

/** Salesforce remembers deletions for no longer; an hour is left for the request. */
const rememberedMs = (30 * 24 - 1) * 3_600_000
const mergedField = 'MasterRecordId'

/** Tells records that were deleted from those that the user only does not see. */
export class DeletedRecords {
  readonly #send: Send
  readonly #now: () => number
  /** By object: whether its records can be merged. */
  readonly #merges = new Map<string, boolean>()

  constructor(send: Send, now: () => number) {
    this.#send = send
    this.#now = now
  }

  /** In the recycle bin, or in the log of deletions. */
  async find({ object, ids, signal }: FindDeletedRequest): Promise<readonly DeletedRecord[]> {
    const found = new Map<string, DeletedRecord | undefined>()
    const merges = await this.#canMerge(object, signal)
    const fields = ['Id', 'IsDeleted', 'SystemModstamp', ...(merges ? [mergedField] : [])].join(',')
    for (const list of quotedLists(ids)) {
      const soql = `SELECT ${fields} FROM ${object} WHERE Id IN (${list})`
      const output = await this.#send(query, { soql, includeDeleted: true }, signal)
      for (const record of listIn(output, 'records'))
        if (typeof record.Id === 'string') found.set(record.Id, deletedRecord(record.Id, record))
    }
    const purged = ids.filter((id) => !found.has(id))
    if (purged.length > 0)
      for (const record of await this.#logged(object, new Set(purged), signal))
        found.set(record.id, record)
    return [...found.values()].filter((record) => record !== undefined)
  }

  /** The user has "View All Data". */
  async seesAll(signal: AbortSignal): Promise<boolean> {
    const root = await this.#send(organizationRoot, {}, signal)
    const identity = isJsonObject(root) ? root.identity : undefined
    const text = typeof identity === 'string' ? identity : ''
    const [, user] = /\/(005\w{12,15})$/.exec(text) ?? []
    if (user === undefined) return false
    const condition = `AssigneeId = ${quoted(user)} AND PermissionSet.PermissionsViewAllData = true`
    const soql = `SELECT Id FROM PermissionSetAssignment WHERE ${condition} LIMIT 1`
    // Permissions themselves may be hidden from it.
    const output = await this.#orNothing(() => this.#send(query, { soql }, signal))
    return listIn(output, 'records').length > 0
  }

  async #logged(
    object: string,
    ids: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<readonly DeletedRecord[]> {
    const nowMs = this.#now()
    const range = {
      start: new Date(nowMs - rememberedMs).toISOString(),
      end: new Date(nowMs).toISOString(),
    }
    // Not every object has a log.
    const output = await this.#orNothing(() =>
      this.#send(deletionLog, { object, ...range }, signal),
    )
    return listIn(output, 'deletedRecords').flatMap(({ id, deletedDate }) =>
      typeof id === 'string' && ids.has(id) ? [{ id, deletedAtMs: timeOf(deletedDate) }] : [],
    )
  }

  async #canMerge(object: string, signal: AbortSignal): Promise<boolean> {
    const known = this.#merges.get(object)
    if (known !== undefined) return known
    const description = await this.#send(describeObject, { object }, signal)
    const merges = listIn(description, 'fields').some(({ name }) => name === mergedField)
    this.#merges.set(object, merges)
    return merges
  }

  async #orNothing(send: () => Promise<JsonValue>): Promise<JsonValue> {
    try {
      return await send()
    } catch (error) {
      const isRefusal =
        error instanceof ConnectError &&
        (error.code === 'action_refused' || error.code === 'action_permission_denied')
      if (isRefusal) return null
      throw error
    }
  }
}

/** Undefined for a record that is there. */
function deletedRecord(id: string, record: JsonObject): DeletedRecord | undefined {
  const { IsDeleted: isDeleted, SystemModstamp: stamp, [mergedField]: merged } = record
  if (isDeleted !== true) return undefined
  return {
    id,
    deletedAtMs: timeOf(stamp),
    ...(typeof merged === 'string' && merged !== '' && { mergedInto: merged }),
  }
}

function timeOf(stamp: JsonValue | undefined): number | null {
  const timeMs = typeof stamp === 'string' ? Date.parse(stamp) : Number.NaN
  return Number.isNaN(timeMs) ? null : timeMs
}
