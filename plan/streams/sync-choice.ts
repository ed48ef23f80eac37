import type { AirbyteStream } from '../../protocol/index.ts'
import type { RunPlan } from '../../engine/run-types.ts'
import { nameList } from '../../lib/text/near-names.ts'
import { columnNames, isExclusion, unknownColumn } from './chosen-columns.ts'
import type { StreamSelectionProblem } from './stream-problem.ts'
import type { StreamDefaults, StreamFields, StreamSelection } from './stream-selection.ts'

type ReadMode = AirbyteStream['supported_sync_modes'][number]
type LoadMode = RunPlan['streams'][number]['mode']

/** One selected stream, bound to the source's: `path` is where it was selected. */
export interface BoundStream {
  readonly stream: AirbyteStream
  readonly fields: Partial<StreamFields>
  /** The names of the selected columns. */
  readonly columns: readonly string[]
  readonly path: StreamSelectionProblem['path']
}

/** How a stream is read and loaded. */
export interface SyncChoice {
  readonly syncMode: ReadMode
  readonly mode: LoadMode
  /**
   * Neither the stream's fields nor the defaults of the file chose the mode, or the defaults were not
   * possible.
   */
  readonly isDefaultMode: boolean
  readonly cursorField: string | undefined
  readonly primaryKey: readonly string[]
  /** Why the defaults of the file do not apply, if they do not. */
  readonly note?: string
}

/** The modes, keys and cursors that the stream offers. */
interface Offer {
  readonly cursor: string | undefined
  readonly canIncrement: boolean
  readonly primaryKey: readonly string[]
  /** The destination has `append_dedup`. */
  readonly merges: boolean
}

/**
 * The file's settings for the stream come first and must be possible; the file's defaults come second and are
 * ignored if the stream does not support them; otherwise: incremental and append_dedup with a cursor and a
 * key, incremental and append with only a cursor or if the destination merges no rows, full_refresh and
 * overwrite without either.
 */
export function chooseSync(
  bound: BoundStream,
  { defaults, modes }: Pick<StreamSelection, 'defaults' | 'modes'>,
): SyncChoice | { readonly problems: readonly StreamSelectionProblem[] } {
  const { fields } = bound
  const problems = columnProblems(bound)
  const merges = modes?.includes('append_dedup') ?? true
  const offer = { ...offerOf(bound, defaults), merges }
  if (problems.length === 0) problems.push(...modeProblems({ ...bound, offer }))
  if (problems.length > 0) return { problems }
  const cursorField = offer.cursor
  const { primaryKey } = offer
  const requested = {
    sync: fields.sync_mode ?? defaults.sync_mode,
    load: fields.destination_sync_mode ?? defaults.destination_sync_mode,
  }
  const settled = settle(requested, offer)
  const refusal = refusalOf(settled, offer)
  const keys = { cursorField, primaryKey }
  if (refusal === undefined) {
    const note = lacksCursor(bound, defaults, { requested, offer })
    return {
      ...choiceOf(settled, keys),
      isDefaultMode: isDefault(requested),
      ...(note !== undefined && { note: `${note}: ${settled.sync} and ${settled.load}` }),
    }
  }
  const chosen = { sync: fields.sync_mode, load: fields.destination_sync_mode }
  const own = settle(chosen, offer)
  const note = `${refusal}: ${own.sync} and ${own.load} instead of the file's defaults`
  return { ...choiceOf(own, keys), isDefaultMode: isDefault(chosen), note }
}

interface Requested {
  readonly sync: ReadMode | undefined
  readonly load: LoadMode | undefined
}

/** `full_refresh` without a destination mode means `overwrite`: the user has chosen a mode. */
function isDefault({ sync, load }: Requested): boolean {
  return load === undefined && sync !== 'full_refresh'
}

/** The default cursor of the file is not a column of the stream, and so it is read as a whole. */
function lacksCursor(
  { stream }: BoundStream,
  { cursor_field: cursor }: StreamDefaults,
  { requested, offer }: { readonly requested: Requested; readonly offer: Offer },
): string | undefined {
  if (cursor === undefined || requested.sync === 'full_refresh' || offer.canIncrement)
    return undefined
  if (requested.load?.startsWith('overwrite') === true) return undefined
  if (!stream.supported_sync_modes.includes('incremental')) return undefined
  return `it has no column ${cursor} to read it incrementally by`
}

interface Modes {
  readonly sync: ReadMode
  readonly load: LoadMode
}

/** Fills in the fields that were not set. */
function settle(requested: Requested, offer: Offer): Modes {
  const replaces = requested.load === 'overwrite' || requested.load === 'overwrite_dedup'
  const sync = requested.sync ?? (offer.canIncrement && !replaces ? 'incremental' : 'full_refresh')
  if (requested.load !== undefined) return { sync, load: requested.load }
  if (sync === 'full_refresh') return { sync, load: 'overwrite' }
  return { sync, load: offer.merges && offer.primaryKey.length > 0 ? 'append_dedup' : 'append' }
}

function choiceOf(
  { sync, load }: Modes,
  keys: Pick<SyncChoice, 'cursorField' | 'primaryKey'>,
): Omit<SyncChoice, 'isDefaultMode' | 'note'> {
  return { syncMode: sync, mode: load, ...keys }
}

/** Why a combination is not possible for the stream; undefined if it is. */
function refusalOf({ sync, load }: Modes, offer: Offer): string | undefined {
  if (sync === 'incremental' && !offer.canIncrement)
    return 'it has no cursor for an incremental read'
  if (sync === 'incremental' && load.startsWith('overwrite'))
    return 'an incremental read cannot replace the table'
  if (load.endsWith('_dedup') && offer.primaryKey.length === 0)
    return 'it has no primary key to deduplicate by'
  return undefined
}

function offerOf(bound: BoundStream, defaults: StreamDefaults): Omit<Offer, 'merges'> {
  const { stream, fields } = bound
  const cursor = cursorOf(bound, defaults)
  const primaryKey = fields.primary_key ?? sourceKey(stream)
  const hasCursor = cursor !== undefined || stream.source_defined_cursor === true
  return {
    cursor,
    canIncrement: hasCursor && stream.supported_sync_modes.includes('incremental'),
    primaryKey,
  }
}

function cursorOf(
  { stream, fields, columns }: BoundStream,
  defaults: StreamDefaults,
): string | undefined {
  const own = stream.default_cursor_field?.at(0)
  if (stream.source_defined_cursor === true) return own
  const possible = [defaults.cursor_field, own].filter(
    (name) => name !== undefined && columns.includes(name),
  )
  return fields.cursor_field ?? possible[0]
}

function sourceKey(stream: AirbyteStream): readonly string[] {
  return (stream.source_defined_primary_key ?? []).flatMap((key) => key.slice(0, 1))
}

/** Names of columns that the stream does not have, or that the file leaves out although they are needed. */
function columnProblems({ stream, fields, columns, path }: BoundStream): StreamSelectionProblem[] {
  const known = columnNames(stream)
  const named: readonly (readonly [StreamSelectionProblem['path'], string])[] = [
    ...(fields.primary_key ?? []).map(
      (name, index) => [[...path, 'primary_key', index], name] as const,
    ),
    ...(fields.cursor_field === undefined
      ? []
      : [[[...path, 'cursor_field'], fields.cursor_field] as const]),
  ]
  const problems = named.flatMap(([namePath, name]) =>
    known.includes(name) ? [] : [unknownColumn(name, namePath, known)],
  )
  if (problems.length > 0) return problems
  const isExcluding = isExclusion(fields.columns)
  const needed = [
    ...(fields.primary_key ?? sourceKey(stream)),
    ...(fields.cursor_field === undefined ? [] : [fields.cursor_field]),
  ]
  return needed
    .filter((name) => known.includes(name) && !columns.includes(name))
    .map((name) => ({
      code: 'stream_column_not_found',
      path: [...path, 'columns'],
      at: 'value',
      problem: `the column "${name}" is left out, but it belongs to the primary key or is the cursor`,
      fix: isExcluding ? `Remove ${name} from \`exclude\`.` : `Add ${name} to \`columns\`.`,
    }))
}

interface OfferedStream extends BoundStream {
  readonly offer: Offer
}

/** Settings of the file that this stream does not support. */
function modeProblems(stream: OfferedStream): StreamSelectionProblem[] {
  const refusals = [cursorRefusal(stream), syncRefusal(stream), loadRefusal(stream)].filter(
    (refusal) => refusal !== undefined,
  )
  return refusals.map(({ field, ...refusal }) => ({
    ...refusal,
    path: [...stream.path, field],
    at: 'value',
  }))
}

type Refusal = Pick<StreamSelectionProblem, 'code' | 'problem' | 'fix'> & { readonly field: string }

function cursorRefusal({ stream, fields }: OfferedStream): Refusal | undefined {
  if (fields.cursor_field === undefined) return undefined
  const refusal = {
    code: 'stream_mode_unsupported',
    field: 'cursor_field',
    fix: 'Remove `cursor_field`.',
  } as const
  if (stream.source_defined_cursor === true)
    return { ...refusal, problem: 'the source has a cursor of its own for this stream' }
  if (stream.supported_sync_modes.includes('incremental') || fields.sync_mode === 'incremental')
    return undefined
  return { ...refusal, problem: 'the stream cannot be read incrementally' }
}

function syncRefusal({ stream, fields, offer }: OfferedStream): Refusal | undefined {
  const { sync_mode: sync } = fields
  if (sync === undefined) return undefined
  if (!stream.supported_sync_modes.includes(sync)) {
    const fix = `Use ${nameList(stream.supported_sync_modes)}.`
    return {
      code: 'stream_mode_unsupported',
      field: 'sync_mode',
      problem: `the stream does not support ${sync}`,
      fix,
    }
  }
  if (sync === 'full_refresh' || offer.canIncrement) return undefined
  const fix =
    'Add `cursor_field` with a column that grows with every change (such as updated_at), or use `sync_mode: full_refresh`.'
  const problem = 'an incremental read needs a cursor, and the source names none'
  return { code: 'stream_cursor_missing', field: 'sync_mode', problem, fix }
}

function loadRefusal({ fields, offer }: OfferedStream): Refusal | undefined {
  const { sync_mode: sync, destination_sync_mode: load } = fields
  if (load === undefined) return undefined
  const field = 'destination_sync_mode'
  if (load.endsWith('_dedup') && offer.primaryKey.length === 0) {
    const fix = `Add \`primary_key: [COLUMN]\`, or use \`destination_sync_mode: ${load.replace('_dedup', '')}\`.`
    return {
      code: 'stream_primary_key_missing',
      field,
      problem: `${load} needs a primary key, and the source names none`,
      fix,
    }
  }
  if (sync !== 'incremental' || !load.startsWith('overwrite')) return undefined
  const fix = 'Use `destination_sync_mode: append_dedup` (or append), or `sync_mode: full_refresh`.'
  return {
    code: 'stream_mode_unsupported',
    field,
    problem: `${load} would keep only what changed since the last run`,
    fix,
  }
}
