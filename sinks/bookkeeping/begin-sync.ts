import { type ConnectError, streamIdOf } from '../../protocol/index.ts'
import { addCounts, noCounts } from '../committed-counts.ts'
import {
  findLostKey,
  findReplacedRows,
  isDoneInRun,
  isEndOf,
  isOverwriteMode,
  isResumable,
  keepsStates,
  settingsOf,
  takeNextNumbers,
  warnOfRules,
} from '../continuation.ts'
import { findOtherColumns } from '../numbered-columns.ts'
import type { BeginOptions, RunStart, SinkStream, StreamSync } from '../sink.ts'
import { noteColumns } from './column-notes.ts'
import type { DocumentChange } from './bookkeeping-store.ts'
import { fenced } from './runs.ts'
import type { SliceRecord, StreamRecord } from './stored-records.ts'
import { countsOf, isCountedBy, slicesUntold, warningsOf, withoutReported } from './untold.ts'

export interface Beginning<Facts> extends BeginOptions {
  readonly sink: SinkStream
  readonly start: RunStart
  readonly atMs: number
  /** The random key of this attempt. */
  readonly attempt: string
  /** The facts of the destination as the attempt begins with them. */
  readonly factsOf: (before: StreamRecord<Facts> | undefined, how: { resumed: boolean }) => Facts
}

/**
 * `Destination.begin`: the sync that starts or continues. Rows of an overwrite are in a stage until its end;
 * a stage that is not continued is discarded, and the stream is then read from the beginning.
 */
export function beginSync<Facts>(
  stored: StreamRecord<Facts> | undefined,
  beginning: Beginning<Facts>,
): DocumentChange<StreamRecord<Facts>, StreamSync> {
  const { sink, start } = beginning
  const refusal = refusalOf(stored, beginning)
  if (refusal !== undefined) throw refusal
  const record = stored && withoutReported(stored, start)
  const known = record?.run === 0 ? undefined : record
  if (known !== undefined && isDone(known, beginning))
    return { result: syncOf(known, beginning, 'done') }
  const resumed = known !== undefined && isResumable(known, sink, { ...beginning, ...start })
  const content = nextRecord({ record, known, resumed }, beginning)
  return { content, result: syncOf(content, beginning, resumed ? 'resumed' : 'new') }
}

/** Why the stream cannot begin, whatever its rows are. */
function refusalOf<Facts>(
  stored: StreamRecord<Facts> | undefined,
  { sink, start }: Beginning<Facts>,
): ConnectError | undefined {
  if (stored !== undefined && stored.start > start.start)
    return fenced(sink, 'a newer start of the connection')
  return (
    findLostKey(stored, sink) ?? findReplacedRows(stored, sink) ?? findOtherColumns(stored, sink)
  )
}

function isDone<Facts>(
  known: StreamRecord<Facts>,
  { sink, start, unconfirmed }: Beginning<Facts>,
): boolean {
  return isEndOf(known, unconfirmed) || isDoneInRun(known, sink, start.run)
}

interface Earlier<Facts> {
  readonly record: StreamRecord<Facts> | undefined
  /** Undefined if it was forgotten since. */
  readonly known: StreamRecord<Facts> | undefined
  readonly resumed: boolean
}

function nextRecord<Facts>(
  earlier: Earlier<Facts>,
  beginning: Beginning<Facts>,
): StreamRecord<Facts> {
  const { record, known, resumed } = earlier
  const { sink, start, attempt, factsOf } = beginning
  const { name, namespace = null } = streamIdOf(sink.stream.stream)
  const goesOn = resumed || (!hasStage(known) && keepsStates(known, sink))
  const origin = resumed && known !== undefined ? known : freshSync(beginning)
  return {
    connection: sink.connection,
    namespace,
    name,
    settings: settingsOf(sink),
    columns: [...sink.columns],
    run: start.run,
    start: start.start,
    ...takeNextNumbers(record, sink, resumed),
    attempt,
    attemptKeys: [...origin.attemptKeys, attempt],
    complete: false,
    syncStart: origin.syncStart,
    startedAtMs: origin.startedAtMs,
    toldRun: null,
    ...notesOf(earlier, sink, { goesOn }),
    ...carrySlices(record, { start, resumed, goesOn }),
    positions: record?.positions ?? [],
    facts: factsOf(record, { resumed }),
  }
}

/** Notes and warnings that no run has reported, and those of this begin. */
function notesOf<Facts>(
  { record, known }: Earlier<Facts>,
  sink: SinkStream,
  { goesOn }: { readonly goesOn: boolean },
): Pick<StreamRecord<Facts>, 'tableNotes' | 'readWarnings' | 'beginWarnings'> {
  const { tableNotes, readWarnings, beginWarnings } = record ?? noNotes
  // A read from the beginning makes void what an incremental one warned of.
  const stay = goesOn || record?.settings.sync_mode === 'full_refresh'
  return {
    tableNotes: [...noteColumns(known?.columns ?? sink.columns, sink.columns, tableNotes)],
    readWarnings: stay ? readWarnings : [],
    beginWarnings: [...new Set([...beginWarnings, ...warnOfRules(known, sink)])],
  }
}

const noNotes = { tableNotes: [], readWarnings: [], beginWarnings: [] }

function freshSync<Facts>({ start, atMs }: Beginning<Facts>): {
  readonly attemptKeys: readonly string[]
  readonly syncStart: number
  readonly startedAtMs: number
} {
  return { attemptKeys: [], syncStart: start.start, startedAtMs: atMs }
}

/** Rows of an overwrite wait for its end. */
export function hasStage(
  record: Pick<StreamRecord<unknown>, 'settings' | 'complete'> | undefined,
): boolean {
  return record?.complete === false && isOverwriteMode(record.settings.mode)
}

/** The slices as the sync begins with them, and what is untold of those that are over. */
function carrySlices(
  record: StreamRecord<unknown> | undefined,
  { start, resumed, goesOn }: { start: RunStart; resumed: boolean; goesOn: boolean },
): Pick<StreamRecord<unknown>, 'slices' | 'untoldCounts'> {
  if (record === undefined) return { slices: [], untoldCounts: noCounts }
  const isReported = isCountedBy(record, start)
  const slices = isReported
    ? record.slices.map((slice) => ({ ...slice, untold: noCounts }))
    : record.slices
  const untoldCounts = isReported ? noCounts : record.untoldCounts
  if (resumed) return { slices, untoldCounts }
  if (goesOn) return { slices: slices.map(restarted), untoldCounts }
  // Rows of a stage that is discarded are nowhere.
  const over = hasStage(record) ? noCounts : slicesUntold(slices)
  return { slices: [], untoldCounts: addCounts(untoldCounts, over) }
}

function restarted(slice: SliceRecord): SliceRecord {
  return { ...slice, seq: 0, loaded: 0, rejected: 0, complete: false }
}

function syncOf<Facts>(
  record: StreamRecord<Facts>,
  { sink, start }: Beginning<Facts>,
  how: 'new' | 'resumed' | 'done',
): StreamSync {
  const { syncId, generationId, epoch, attemptKeys, startedAtMs, tableNotes } = record
  return {
    sink,
    streamId: streamIdOf(sink.stream.stream),
    syncId,
    generationId,
    epoch,
    attemptKeys,
    start: start.start,
    resumed: how !== 'new',
    startedAtMs,
    isOlder: record.syncStart !== start.start,
    untoldCounts: countsOf(record),
    tableNotes,
    warnings: warningsOf(record),
    doneInRun: how === 'done',
    slices: record.slices.map(({ slice, partition, state, seq, complete }) => {
      return { slice, partition, state, seq, complete }
    }),
    positions: record.positions.toSorted((a, b) => a.partition - b.partition),
  }
}
