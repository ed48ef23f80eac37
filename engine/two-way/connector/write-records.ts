import type { Logger } from 'pino'
import type {
  RecordWrite,
  RecordWriter,
  WriteOperation,
  WriteRequest,
  WriteError,
  WriteResult,
} from '../../../connectors/record-writer.ts'
import { ConnectError, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import { getShared, putOwn } from '../../../sinks/two-way/lens.ts'
import { hasSameValues, type Values } from '../../../sinks/two-way/link.ts'
import type { RecordRead, SideWrite, SideWriteResult } from '../pair-side.ts'
import type { ObjectField, ObjectShape } from './object-shape.ts'
import { toSharedText, toVendorValue } from './shared-value.ts'

export interface WriteContext {
  readonly shape: ObjectShape
  readonly writer: RecordWriter
  /** `fast`: the record is read just before it is written, in the place of the vendor's comparison. */
  readonly mode: 'guarded' | 'fast'
  readonly signal: AbortSignal
  readonly logger: Logger
  now(): number
  read(ids: readonly string[]): Promise<readonly RecordRead[]>
}

/** A write as the vendor takes it. */
interface PreparedWrite {
  readonly write: SideWrite
  readonly record: RecordWrite
}

type Results = Map<SideWrite, SideWriteResult>

/** Writes records of an object. One result for each, in their order; never throws for a record. */
export async function writeRecords(
  writes: readonly SideWrite[],
  context: WriteContext,
): Promise<readonly SideWriteResult[]> {
  const results: Results = new Map()
  const { creates, updates, deletes } = prepareAll(writes, context, results)
  await sendCreates(creates, context, results)
  await sendUpdates(updates, context, results)
  await sendDeletes(deletes, context, results)
  return writes.map((write) => results.get(write) ?? { outcome: 'unknown' })
}

function prepareAll(
  writes: readonly SideWrite[],
  context: WriteContext,
  results: Results,
): Readonly<Record<'creates' | 'updates' | 'deletes', readonly PreparedWrite[]>> {
  const prepared = { creates: [], updates: [], deletes: [] } as Record<
    'creates' | 'updates' | 'deletes',
    PreparedWrite[]
  >
  for (const write of writes) {
    try {
      const fields = fieldsOf(write, context)
      const id = write.record ?? undefined
      const isCreation = write.operation === 'create' || write.operation === 'restore'
      const record = isCreation || id === undefined ? { fields } : { id, fields }
      prepared[groups[write.operation]].push({ write, record: { ...record, key: write.id } })
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      results.set(write, { outcome: 'refused', reason: error.message })
    }
  }
  return prepared
}

const groups = {
  create: 'creates',
  restore: 'creates',
  update: 'updates',
  mark_deleted: 'updates',
  delete: 'deletes',
} as const

/** Throws a TypeError that names the field if a value is none for it. */
function fieldsOf({ operation, values, link }: SideWrite, context: WriteContext): JsonObject {
  const { shape } = context
  if (operation === 'delete') return {}
  if (operation === 'mark_deleted') return markOf(context)
  const fields = Object.entries(values).flatMap(([shared, value]) => {
    const field = shape.fields.get(shared)
    if (field === undefined) return []
    try {
      return [[field.name, vendorValue(field, value)] as const]
    } catch (error) {
      const reason = error instanceof Error ? error.message : ''
      throw new TypeError(`${field.name}: ${reason}`, { cause: error })
    }
  })
  const { creation } = shape
  const isCreation = operation === 'create' || operation === 'restore'
  const constants = isCreation ? shape.constants : []
  return {
    ...Object.fromEntries(fields),
    ...Object.fromEntries(
      constants.map((field) => [field.name, toVendorValue(field.kind, field.value)]),
    ),
    ...(isCreation && creation.by === 'link' && { [creation.field]: link }),
  }
}

/** Only fields that change are sent, so the value before is another one and says nothing. */
function vendorValue({ kind, lens }: ObjectField, shared: JsonValue): JsonValue {
  if (lens === undefined) return toVendorValue(kind, shared)
  const own = putOwn(lens, shared, null)
  if (own === undefined) throw new TypeError('no value of the vendor stands for it')
  return toVendorValue(kind, own)
}

/** The shared value of a vendor's; as it is if nothing stands for it. */
function sharedValue({ kind, lens }: ObjectField, own: JsonValue): JsonValue {
  const text = toSharedText(kind, own)
  return lens === undefined ? text : (getShared(lens, text) ?? text)
}

function markOf(context: WriteContext): JsonObject {
  const { deleted } = context.shape
  if (deleted === undefined) throw new TypeError('the object has no field that marks deletions')
  return {
    [deleted.name]: deleted.kind === 'boolean' ? true : new Date(context.now()).toISOString(),
  }
}

/** A record that is there already is not overwritten: an earlier creation, or somebody else's. */
async function sendCreates(
  creates: readonly PreparedWrite[],
  context: WriteContext,
  results: Results,
): Promise<void> {
  const { shape } = context
  const { creation } = shape
  if (creation.by === 'key' || creation.by === 'none') {
    await send('create', creates, { context, results })
    return
  }
  const keyed = creates.flatMap((prepared) => {
    const key = creationValue(shape, prepared.write)
    if (key !== undefined) return [{ ...prepared, key }]
    const reason = `the record has no value for ${creation.field}, by which its creation could be found again`
    results.set(prepared.write, { outcome: 'refused', reason })
    return []
  })
  const there = await findKeys(
    keyed.map(({ key }) => key),
    creation.field,
    context,
  )
  const fresh = keyed.filter(({ key, write }) => {
    if (!there.has(key.toLowerCase())) return true
    const reason = `another record has the same ${creation.field}`
    results.set(
      write,
      creation.by === 'link' ? { outcome: 'changed' } : { outcome: 'refused', reason },
    )
    return false
  })
  const upserts = fresh.map(({ write, record, key }) => ({
    write,
    record: { ...record, externalId: key },
  }))
  await send('upsert', upserts, { context, results, externalIdField: creation.field })
}

/** The external id by which a creation is found again. */
export function creationValue(
  { creation }: ObjectShape,
  { link, values }: SideWrite,
): string | undefined {
  if (creation.by === 'link') return link
  const value = creation.by === 'match' ? values[creation.sharedName] : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** In small letters. */
async function findKeys(
  values: readonly string[],
  externalIdField: string,
  { writer, shape, signal }: WriteContext,
): Promise<ReadonlySet<string>> {
  if (values.length === 0) return new Set()
  const object = shape.object.name
  const found = await writer.read({ object, by: { externalIdField }, values, fields: [], signal })
  return new Set(found.flatMap(({ externalId }) => externalId?.toLowerCase() ?? []))
}

async function sendUpdates(
  updates: readonly PreparedWrite[],
  context: WriteContext,
  results: Results,
): Promise<void> {
  const { mode, shape } = context
  const isGuarded = mode === 'guarded' && shape.object.conditional === 'guarded'
  const guarded: PreparedWrite[] = []
  const others: PreparedWrite[] = []
  for (const { write, record } of updates) {
    const version = write.expected?.version ?? undefined
    if (isGuarded && version !== undefined)
      guarded.push({ write, record: { ...record, ifVersion: version } })
    else others.push({ write, record })
  }
  await send('update', guarded, { context, results })
  await send('update', await unchanged(others, context, results), { context, results })
}

/** Vendors compare no version before they delete. */
async function sendDeletes(
  deletes: readonly PreparedWrite[],
  context: WriteContext,
  results: Results,
): Promise<void> {
  await send('delete', await unchanged(deletes, context, results), { context, results })
}

/** Those whose record is still the one that the write was decided for. */
async function unchanged(
  writes: readonly PreparedWrite[],
  context: WriteContext,
  results: Results,
): Promise<readonly PreparedWrite[]> {
  if (writes.length === 0) return []
  const reads = await context.read(writes.map(({ write }) => write.record ?? ''))
  return writes.filter(({ write }, index) => {
    const read = reads[index]?.read
    const isSame =
      read?.found === 'present' &&
      (write.expected === null || hasSameValues(read.values, write.expected.values))
    if (!isSame) results.set(write, { outcome: 'changed' })
    return isSame
  })
}

interface SendOptions {
  readonly context: WriteContext
  readonly results: Results
  readonly externalIdField?: string
}

async function send(
  operation: WriteOperation,
  writes: readonly PreparedWrite[],
  { context, results, externalIdField }: SendOptions,
): Promise<void> {
  if (writes.length === 0) return
  const { shape, writer, signal } = context
  const request: WriteRequest = {
    ...{ object: shape.object.name, operation, signal },
    records: writes.map(({ record }) => record),
    ...(externalIdField !== undefined && { externalIdField }),
    ...(operation !== 'delete' && { readsBack: true }),
  }
  try {
    const answers = await writer.write(request)
    for (const [index, { write }] of writes.entries()) {
      const answer = answers[index]
      if (answer !== undefined) results.set(write, resultOf(answer, write, shape))
    }
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error
    context.logger.warn({ error, object: shape.object.name, operation }, 'writes of a pair failed')
    for (const { write } of writes) results.set(write, resultOfFailure(error))
  }
}

function resultOf(result: WriteResult, write: SideWrite, shape: ObjectShape): SideWriteResult {
  if (result.isWritten) {
    const id = result.id === '' ? (write.record ?? '') : result.id
    const values = valuesAfter(write, result.changed ?? {}, shape)
    return { outcome: 'applied', id, values, version: result.version ?? null }
  }
  return resultOfError(result.error, write)
}

function resultOfError(error: WriteError, write: SideWrite): SideWriteResult {
  const { code, message, fields, mayRetry, isUnclear = false } = error
  if (isUnclear) return { outcome: 'unknown' }
  const isGone = code === 'not_found' && write.record !== null && write.operation !== 'restore'
  // A lock or a limit: it was not written, and is decided again.
  if (code === 'version_conflict' || isGone || mayRetry) return { outcome: 'changed' }
  const about = fields.length === 0 ? '' : ` (${fields.join(', ')})`
  return { outcome: 'refused', reason: `${code}: ${message}${about}` }
}

/** The vendor's values are the base from now on: it may have rewritten them. */
function valuesAfter(
  { operation, values }: SideWrite,
  changed: JsonObject,
  { fields }: ObjectShape,
): Values {
  if (operation === 'delete' || operation === 'mark_deleted') return {}
  const after: Record<string, JsonValue> = {}
  for (const [shared, value] of Object.entries(values)) {
    const field = fields.get(shared)
    const now = field === undefined ? undefined : changed[field.name]
    after[shared] = field === undefined || now === undefined ? value : sharedValue(field, now)
  }
  return after
}

/** The request as a whole has failed. */
function resultOfFailure({ code, message, details }: ConnectError): SideWriteResult {
  if (refusals.has(code) && details.outcome_unknown !== true)
    return { outcome: 'refused', reason: message }
  const isUnsent = details.nothing_sent === true || unsent.has(code)
  return isUnsent && details.outcome_unknown !== true
    ? { outcome: 'changed' }
    : { outcome: 'unknown' }
}

const refusals = new Set<string>(['action_refused', 'action_declined', 'action_permission_denied'])
/** Nothing was carried out. */
const unsent = new Set<string>([
  'action_rate_limited',
  'action_credentials_refused',
  'action_address_refused',
])
