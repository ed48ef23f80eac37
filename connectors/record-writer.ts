import type { JsonObject, JsonValue } from '../protocol/index.ts'

/**
 * The write side of a connector: records of an object of the vendor are created, changed and deleted, with
 * one result for each record. Read `connector.ts` first: `Connector.writes` opens a writer. It stands on the
 * client of the connector's actions, so it has the same tokens, limits and rules for repeated requests.
 *
 * Calls may run at the same time, as long as no two of them have the same record.
 */
export interface RecordWriter extends AsyncDisposable {
  /**
   * Returns what can be written of an object, as the vendor shows it to this user now. Throws
   * `write_object_unknown` if there is none that the user may write.
   */
  describe(object: string): Promise<WritableObject>
  /**
   * Writes records of one object and one operation, and returns a result for each, in their order. The writer
   * splits them into requests of the vendor's size.
   *
   * A call that ends without a result (the process dies) may have written any of the records. The same call
   * again is harmless if `WritableObject.repeats` is true for the operation.
   *
   * Throws if nothing was written and no record is the reason: wrong credentials, a vendor that is away, a
   * limit that is used up. If that happens after a part was written, the rest has results with `mayRetry`.
   */
  write(request: WriteRequest): Promise<readonly WriteResult[]>
  /**
   * Reads records by their ids, or by the values of an external id; those that are missing, deleted or hidden
   * are left out. Only the fields that are named, and the version.
   */
  read(request: ReadRequest): Promise<readonly StoredRecord[]>
  /**
   * Returns the records that the vendor says were deleted, of ids that `read` left out. Others may be hidden
   * from this user. Absent: the vendor does not say it.
   */
  findDeleted?(request: FindDeletedRequest): Promise<readonly DeletedRecord[]>
  /**
   * Whether this user sees every record of the vendor, so that one that is not there is gone. Absent: the
   * vendor does not say it.
   */
  seesAll?(signal: AbortSignal): Promise<boolean>
}

export type WriteOperation = 'create' | 'update' | 'upsert' | 'delete'

/** An object of the vendor whose records can be written: a stream that takes records. */
export interface WritableObject {
  /** The vendor's name of the object, as the vendor spells it. */
  readonly name: string
  readonly operations: readonly WriteOperation[]
  /** Operations that a repetition does no harm to: after a crash, the same records may be sent again. */
  readonly repeats: readonly WriteOperation[]
  /** Fields whose value identifies one record: an upsert names one of them. Empty: none. */
  readonly externalIds: readonly string[]
  /** The most records of a request of the vendor: the cheapest size of a call of `write`. */
  readonly batchSize: number
  /**
   * Whether a write can depend on the version of the record (`RecordWrite.ifVersion`). `guarded`: the vendor
   * compares it, and such writes take more calls. `none`: the version is not compared, and a caller that must
   * not overwrite has to read just before, which leaves a window.
   */
  readonly conditional: 'guarded' | 'none'
  readonly fields: readonly WritableField[]
}

export interface WritableField {
  readonly name: string
  /** In the vendor's words. */
  readonly type: string
  readonly onCreate: boolean
  readonly onUpdate: boolean
  /** A record cannot be created without a value. */
  readonly isRequired: boolean
  /** The objects whose ids are its values. Empty: it refers to none. */
  readonly refersTo: readonly string[]
}

export interface WriteRequest {
  readonly object: string
  readonly operation: WriteOperation
  /** For an upsert: the field of `externalIds` by which records are found. */
  readonly externalIdField?: string
  readonly records: readonly RecordWrite[]
  /** Also reads each written record back, so that results have `version` and `changed`. More calls. */
  readonly readsBack?: boolean
  readonly signal: AbortSignal
}

export interface RecordWrite {
  /** The vendor's id: for an update and a delete. */
  readonly id?: string
  /** For an upsert: two records of a request must not have the same. */
  readonly externalId?: JsonValue
  /** The fields to set, and no others. Null empties a field. Empty for a delete. */
  readonly fields: JsonObject
  /** More fields to set: each gets the id of the record that has this value of an external id. */
  readonly references?: Readonly<Record<string, RecordReference>>
  /** Only an update: nothing is written if the record has another version (`version_conflict`). */
  readonly ifVersion?: string
  /**
   * The same text for each repetition of this write: a vendor with idempotency keys carries it out once.
   */
  readonly key?: string
}

export interface RecordReference {
  readonly externalIdField: string
  readonly value: JsonValue
}

export type WriteResult = WrittenRecord | RefusedRecord

export interface WrittenRecord {
  readonly isWritten: true
  readonly id: string
  /** Undefined if the vendor does not say it. */
  readonly created?: boolean
  /** The version after the write; undefined if it was not read. Opaque: compared for equality only. */
  readonly version?: string
  /**
   * The fields of the write whose values the vendor has changed (a trigger, a rounding), with those values.
   * Undefined if the record was not read back.
   */
  readonly changed?: JsonObject
}

export interface RefusedRecord {
  readonly isWritten: false
  readonly error: WriteError
}

export interface WriteError {
  /** The vendor's code, or `version_conflict`, `not_found`, `unavailable`, `outcome_unknown`. */
  readonly code: string
  /** The vendor's reason, for people. May hold values of the record. */
  readonly message: string
  /** The fields that it is about. */
  readonly fields: readonly string[]
  /** A later try of the same write may succeed: a lock, a limit, a server that is away. */
  readonly mayRetry: boolean
  /** It is not known whether the vendor carried it out. */
  readonly isUnclear?: boolean
}

export interface ReadRequest {
  readonly object: string
  readonly by: 'id' | { readonly externalIdField: string }
  readonly values: readonly string[]
  readonly fields: readonly string[]
  readonly signal: AbortSignal
}

export interface StoredRecord {
  readonly id: string
  /** The value by which it was found; null for an id. */
  readonly externalId: string | null
  readonly version: string | undefined
  readonly fields: JsonObject
}

export interface FindDeletedRequest {
  readonly object: string
  readonly ids: readonly string[]
  readonly signal: AbortSignal
}

export interface DeletedRecord {
  readonly id: string
  /** Null if the vendor does not say when. */
  readonly deletedAtMs: number | null
  /** The record that it was merged into. Absent: it was not merged. */
  readonly mergedInto?: string
}
