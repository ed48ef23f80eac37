import { z } from 'zod'
import { resetCommands } from '../lib/text/reset-commands.ts'
import { ConnectError, streamLabel } from '../protocol/index.ts'
import { numberedColumns } from './numbered-columns.ts'
import type { BeginOptions, RunStart, SinkStream, StreamSync } from './sink.ts'

// The rules for whether a sync of a stream continues from where the last one stopped, or starts over. All
// destinations share them.

export const keySchema = z.array(z.array(z.string()))

/** An unfinished sync continues only if the next sync has the same settings. */
export const syncSettings = z.object({
  mode: z.enum(['append', 'append_dedup', 'overwrite', 'overwrite_dedup']),
  sync_mode: z.enum(['full_refresh', 'incremental']),
  key: keySchema,
  cursor: z.array(z.string()),
  /** How its records were filtered and masked; absent: they were not. */
  rules: z.string().exactOptional(),
  /** The mark of the key of its hashes; absent: it had none, or was loaded by a version without marks. */
  mask_key: z.string().exactOptional(),
  /**
   * How the columns of the stream's table were typed; absent: `portable`. It decides nothing about the
   * continuation.
   */
  types: z.enum(['source', 'mixed']).exactOptional(),
  /** `SourceDefinitions.entries`. They decide nothing about the continuation either. */
  definitions: z.array(z.tuple([z.string(), z.string(), z.string()])).exactOptional(),
  /** Which columns its rules hid; absent: they have only names. It decides nothing about the continuation. */
  numbered: numberedColumns.exactOptional(),
})
export type SyncSettings = z.infer<typeof syncSettings>

export function settingsOf({ mode, stream, rules }: SinkStream): SyncSettings {
  return {
    mode,
    sync_mode: stream.sync_mode,
    key: stream.primary_key ?? [],
    cursor: stream.cursor_field ?? [],
    ...(rules?.mark !== undefined && { rules: rules.mark }),
    ...(rules?.keyMark !== undefined && { mask_key: rules.keyMark }),
    ...(rules?.numbered !== undefined && { numbered: rules.numbered }),
  }
}

/**
 * The condition, the masks or the key of the hashes of the stream are others than in its last sync, and rows
 * of that stay as they are.
 */
export function warnOfRules(
  last: Pick<LastSync, 'settings' | 'run'> | undefined,
  sink: SinkStream,
): readonly string[] {
  if (last === undefined || last.run === 0 || isOverwriteMode(sink.mode)) return []
  if (last.settings.rules === sink.rules?.mark) return warnOfMaskKey(last, sink)
  const label = streamLabel(sink.stream.stream)
  const empty = sink.mode === 'append' ? ' Empty its table at the destination first.' : ''
  return [
    `\`where\` or \`mask\` of ${label} has changed: rows that were loaded before stay as they were, until the source sends them again. To read all rows again, reset the stream (${resetCommands(label, sink.connection)}).${empty} Rows that the condition now leaves out stay until they are deleted.`,
  ]
}

/**
 * Rows that are read again replace those of the old key, unless they are appended or the hash is their key.
 */
function warnOfMaskKey(
  { settings }: Pick<LastSync, 'settings'>,
  sink: SinkStream,
): readonly string[] {
  if (!hasOtherMaskKey(settings, sink)) return []
  const label = streamLabel(sink.stream.stream)
  const key = settingsOf(sink).key.flatMap(([field = '']) => field)
  const isHashed = key.some((field) => sink.rules?.masked.includes(field) === true)
  const staysTwice = sink.mode === 'append' || isHashed
  return [
    `\`mask_key\` is another one than in the last run of ${label}: rows that were loaded before keep the hashes of the old key, which are equal to no new ones. To hash all rows with the new key, reset the stream (${resetCommands(label, sink.connection)}).${staysTwice ? ' Empty its table at the destination first, or its rows are there twice.' : ''}`,
  ]
}

function hasOtherMaskKey({ mask_key: before }: SyncSettings, { rules }: SinkStream): boolean {
  const now = rules?.keyMark
  return before !== undefined && now !== undefined && before !== now
}

/** The last sync of a stream, as a destination has stored it. */
export interface LastSync {
  readonly settings: SyncSettings
  readonly complete: boolean
  /** The last run that began it. */
  readonly run: number
  /** The start of a run that began it. */
  readonly syncStart: number
}

export function isOverwriteMode(mode: SinkStream['mode']): boolean {
  return mode === 'overwrite' || mode === 'overwrite_dedup'
}

/** The key that a sync of these settings merges by. */
export function ownKey({ mode, key }: SyncSettings): SyncSettings['key'] | undefined {
  const isDedup = mode === 'append_dedup' || mode === 'overwrite_dedup'
  return isDedup && key.length > 0 ? key : undefined
}

/**
 * In a table, the order of the fields does not matter: it is the same key. (In a message, the bytes of the
 * key depend on the order.)
 */
export function isSameKey(left: SyncSettings['key'], right: SyncSettings['key']): boolean {
  const [first, second] = [left, right].map((key) =>
    JSON.stringify(key.map((path) => JSON.stringify(path)).toSorted()),
  )
  return first === second
}

export function keyText(key: SyncSettings['key']): string {
  return key.map((path) => path.join('.')).join(', ')
}

/** The stream's configuration is the same; columns may be new. */
function isSame({ settings }: LastSync, sink: SinkStream): boolean {
  if (hasOtherMaskKey(settings, sink)) return false
  return JSON.stringify(usedSettings(settings)) === JSON.stringify(usedSettings(settingsOf(sink)))
}

/** Rows that are appended need no key. */
function usedSettings(settings: SyncSettings): SyncSettings {
  const { mode, sync_mode, key, cursor, rules } = settings
  const used = { mode, sync_mode, key: mode === 'append' ? [] : key, cursor }
  return rules === undefined ? used : { ...used, rules }
}

/** Reading the stream again would append the same rows again. */
function isUnrepeatable({ mode, stream }: SinkStream): boolean {
  return mode === 'append' && stream.sync_mode === 'full_refresh'
}

/** This run completed the stream before it was interrupted. */
export function isDoneInRun(last: LastSync, sink: SinkStream, run: number): boolean {
  return last.complete && last.run === run && isUnrepeatable(sink) && isSame(last, sink)
}

/** The end of this sync was committed, but its start did not get the response. */
export function isEndOf(
  last: (SyncNumbers & Pick<StreamSync, 'attemptKeys'> & Pick<LastSync, 'complete'>) | undefined,
  sync: StreamSync | undefined,
): boolean {
  if (last?.complete !== true || sync === undefined) return false
  return last.epoch === sync.epoch && last.attemptKeys.at(-1) === sync.attemptKeys.at(-1)
}

/**
 * The unfinished sync continues. A stream that another run read as a whole starts over, because its rows
 * would otherwise be a mix of old and new rows of the source. An incremental read continues from its states
 * in both cases.
 */
export function isResumable(
  last: LastSync,
  sink: SinkStream,
  { start, run, hasKey, beginsAgain = false }: RunStart & Pick<BeginOptions, 'beginsAgain'>,
): boolean {
  if (last.complete || !isSame(last, sink)) return false
  if (usesStates(last, sink)) return true
  if (beginsAgain) return false
  return last.syncStart === start || (hasKey && last.run === run)
}

/** The next sync continues from the stored states, whichever run they are from. */
export function usesStates(last: LastSync, sink: SinkStream): boolean {
  return keepsStates(last, sink) || (!last.complete && isSame(last, sink) && isUnrepeatable(sink))
}

/**
 * An incremental stream continues from its last states, unless its rows will be replaced, or merged by
 * another key.
 */
export function keepsStates(last: LastSync | undefined, sink: SinkStream): boolean {
  const settings = settingsOf(sink)
  const isIncremental =
    last?.settings.sync_mode === 'incremental' && settings.sync_mode === 'incremental'
  if (last === undefined || !isIncremental) return false
  if (isOverwriteMode(sink.mode)) return false
  const [before, now] = [last.settings, settings].map(({ key, cursor }) =>
    JSON.stringify(sink.mode === 'append' ? cursor : [key, cursor]),
  )
  return before === now
}

export type SyncNumbers = Pick<StreamSync, 'syncId' | 'generationId' | 'epoch'>

/** Returns the numbers of the sync that follows. */
export function takeNextNumbers(
  last: SyncNumbers | undefined,
  { mode }: Pick<SinkStream, 'mode'>,
  resumed: boolean,
): SyncNumbers {
  const { syncId, generationId, epoch } = last ?? { syncId: 0, generationId: 0, epoch: 0 }
  return {
    syncId: resumed ? syncId : syncId + 1,
    generationId: isOverwriteMode(mode) && !resumed ? generationId + 1 : generationId,
    epoch: epoch + 1,
  }
}

/**
 * The stream was loaded by its key, but the source no longer has a key. To continue by appending would add
 * rows a second time, and the user did not choose that.
 */
export function findLostKey(
  last: Pick<LastSync, 'settings'> | undefined,
  sink: SinkStream,
): ConnectError | undefined {
  if (last === undefined || sink.mode !== 'append' || sink.isDefaultMode !== true) return undefined
  const { mode } = last.settings
  if (mode !== 'append_dedup' && mode !== 'overwrite_dedup') return undefined
  const details = { stream: streamLabel(sink.stream.stream), mode }
  return new ConnectError('destination_key_lost', { details })
}

/**
 * The stream kept its rows until now. The mode that now follows from what its source offers would replace all
 * of them, and the user did not choose that.
 */
export function findReplacedRows(
  last: Pick<LastSync, 'settings'> | undefined,
  sink: SinkStream,
): ConnectError | undefined {
  if (last === undefined || !isOverwriteMode(sink.mode) || sink.isDefaultMode !== true)
    return undefined
  if (isOverwriteMode(last.settings.mode)) return undefined
  const before = last.settings.mode
  const other =
    before === 'append'
      ? 'Or load the stream into another place (a schema, a topic), and these rows stay as they are; with `destination_sync_mode: append`, each run would add all rows of the source to them once more.'
      : 'Or set `cursor_field` or `primary_key` of the stream.'
  return modeChanged(sink, {
    before,
    rows: 'all rows that the source does not have any more',
    fix: `Bring back what the source had (the cursor column and the right to read it, or the primary key). ${other} To replace its rows in every run from now on, set \`destination_sync_mode: ${sink.mode}\`.`,
  })
}

/** Refuses a mode that the user did not choose. `rows`: the rows that it would delete. */
export function modeChanged(
  { mode, stream: { stream } }: SinkStream,
  facts: { readonly before: string; readonly rows: string; readonly fix: string },
): ConnectError {
  const details = { stream: streamLabel(stream), mode, ...facts }
  return new ConnectError('destination_mode_changed', { details })
}

interface Reporting {
  /** The last run that began the stream. */
  readonly run: number
  /** The run that has reported the stream's notes, warnings and counts, and has ended. */
  readonly toldRun: number | undefined
}

/** Another run, which has ended, has reported the stream. */
export function isReported(last: Reporting, { run }: RunStart): boolean {
  return last.toldRun !== undefined && last.toldRun !== run
}

/**
 * An earlier run has already reported these rows. A caller that starts runs with keys counts the rows of
 * killed runs by their progress.
 */
export function isCounted(last: Reporting, start: RunStart): boolean {
  return isReported(last, start) || (start.hasKey && last.run !== start.run)
}
