import { resetCommands, serviceResetCommand } from '../../lib/text/reset-commands.ts'
import { streamLabel, type ErrorBody } from '../../protocol/index.ts'
import { addCounts, noCounts } from '../../sinks/committed-counts.ts'
import type { StreamProgress } from '../../engine/run-types.ts'
import type { CommittedCounts, TableNote } from '../../sinks/sink.ts'
import { errorLines } from '../output/error-lines.ts'
import { plainText } from '../output/plain-text.ts'
import { count, counted, duration, rows } from './amounts.ts'
import type { Paint, Style } from '../output/paint.ts'
import type { RunClock } from './run-clock.ts'
import { plainLabel } from './plain-label.ts'

/** The shown facts of a run that has ended, here or in the service. */
export interface ShownResult {
  readonly status: 'complete' | 'partial' | 'failed' | 'stopped' | 'cancelled'
  readonly seconds: number
  readonly streams: readonly ShownStream[]
  /** These and the error are of the run as a whole. */
  readonly warnings?: readonly string[]
  readonly error?: ErrorBody
}
export interface ShownStream extends StreamProgress {
  /** True if this run continued an unfinished sync. */
  readonly resumed?: boolean
  readonly warnings: readonly string[]
  readonly tableNotes?: readonly TableNote[]
  readonly error?: ErrorBody
}

const statusStyles: Readonly<Record<ShownStream['status'] | ShownResult['status'], Style>> = {
  complete: 'green',
  cancelled: 'yellow',
  partial: 'yellow',
  stopped: 'yellow',
  waiting: 'yellow',
  running: 'yellow',
  failed: 'red',
}

export interface ResultContext {
  readonly clock: RunClock
  readonly paint: Paint
  /** Follows the summary: what to do next. */
  readonly advice: string
}

/** The end of a run: a line for every stream, with its warnings and error below, and a summary. */
export function resultLines(result: ShownResult, context: ResultContext): readonly string[] {
  const { paint } = context
  const nameWidth = Math.max(...result.streams.map(({ stream }) => plainLabel(stream).length), 0)
  // Those that need a look stand next to the summary.
  const sorted = result.streams.toSorted(
    (left, right) => Number(left.error !== undefined) - Number(right.error !== undefined),
  )
  const firstWith = new Map<string, string>()
  const streams = sorted.flatMap((stream) => {
    const label = plainLabel(stream.stream)
    const { error: { code, message, suggested_fix: fix } = {} } = stream
    const text = JSON.stringify([code, message, fix])
    const sameAs = firstWith.get(text)
    if (code !== undefined && sameAs === undefined) firstWith.set(text, label)
    const shown = { ...context, nameWidth, ...(sameAs !== undefined && { sameAs }) }
    return streamLines(stream, shown)
  })
  return [
    ...streams,
    ...warningLines(result.warnings ?? [], paint),
    ...(result.error === undefined ? [] : errorLines(result.error, { paint })),
    `${summary(result, paint)}${context.advice}`,
  ]
}

function streamLines(
  stream: ShownStream,
  context: ResultContext & {
    readonly nameWidth: number
    /** A stream above that has the same error. */
    readonly sameAs?: string
  },
): readonly string[] {
  const { paint } = context
  const seconds = context.clock.seconds(stream)
  const facts = [
    `${count(stream.read)} read`,
    ...(stream.readAgain > 0 ? [`${count(stream.readAgain)} read again`] : []),
    `${count(stream.loaded)} loaded`,
    `${count(stream.rejected)} rejected`,
    ...(seconds === undefined
      ? []
      : [duration(seconds), `${count(stream.loaded / seconds)} rows/s`]),
    ...(stream.resumed === true ? ['resumed'] : []),
    ...earlierFacts(stream.before),
  ]
  const status = paint(statusStyles[stream.status], stream.status.padEnd(8))
  return [
    `${status}  ${plainLabel(stream.stream).padEnd(context.nameWidth)}  ${facts.join(', ')}`,
    ...tableNoteLines(stream).map((line) => `  columns: ${plainText(line)}`),
    ...warningLines(stream.warnings, paint).map((line) => `  ${line}`),
    ...streamErrorLines(stream, context),
  ]
}

/** An error that many streams have is written out once. */
function streamErrorLines(
  { error }: ShownStream,
  { paint, sameAs }: Pick<ResultContext, 'paint'> & { readonly sameAs?: string },
): readonly string[] {
  if (error === undefined) return []
  if (sameAs === undefined) return errorLines(error, { paint, indent: '  ' })
  return [`  ${paint('red', 'error:')} the same as of ${sameAs} [${error.code}]`]
}

function warningLines(warnings: readonly string[], paint: Paint): readonly string[] {
  return warnings.map((warning) => `${paint('yellow', 'warning:')} ${plainText(warning)}`)
}

/** The counts that earlier starts of the run had committed. */
function earlierFacts(before: ShownStream['before']): readonly string[] {
  if (before === undefined) return []
  const { loaded, rejected, nulled, cut } = before
  const losses = [
    ...(rejected > 0 ? [`${count(rejected)} rejected`] : []),
    ...(nulled > 0 ? [`${count(nulled)} nulled`] : []),
    ...(cut > 0 ? [`${count(cut)} cut`] : []),
  ]
  if (loaded === 0 && losses.length === 0) return []
  return [`earlier starts: ${[`${count(loaded)} loaded`, ...losses].join(', ')}`]
}

/**
 * The changes to the columns of a table, or of the rows in a topic, for people. `connection`: of the service;
 * absent: the run is one of a file.
 */
export function tableNoteLines(
  { stream, tableNotes = [] }: Pick<ShownStream, 'stream' | 'tableNotes'>,
  connection?: string,
): readonly string[] {
  const lines = tableNotes.map(tableNoteText)
  if (!tableNotes.some((note) => note.kind === 'added' && note.replaced !== true)) return lines
  const label = streamLabel(stream)
  const reset =
    connection === undefined ? resetCommands(label) : serviceResetCommand(label, connection)
  return [
    ...lines,
    `to read all rows again, reset the stream (${reset}); if it appends, empty its table first`,
  ]
}

function tableNoteText(note: TableNote): string {
  const { column, type } = note
  switch (note.kind) {
    case 'added':
      if (note.replaced === true) return `column ${column} was added (${type})`
      return note.again === true
        ? `column ${column} was added again (${type}): older rows have NULL in it until the source sends them again`
        : `column ${column} was added (${type}): rows that were loaded before have NULL in it until the source sends them again, also if the source has a default`
    case 'widened':
      return `column ${column} was changed from ${note.was} to ${type}, which holds all values that the source has now`
    case 'kept':
      return `column ${column} stays ${type}, although the source now has ${note.source}: ${type} holds the values of both`
    case 'left':
      return `column ${column} is no longer a column of the stream (the source does not have it, or \`columns\` leaves it out): rows that stay keep their values of it, and rows that are loaded from now on have none (after an overwrite: no row)`
  }
}

function summary(result: ShownResult, paint: Paint): string {
  const now = result.streams.reduce<CommittedCounts>(addCounts, noCounts)
  const before = result.streams.map((stream) => stream.before ?? noCounts)
  const earlier = before.reduce(addCounts, noCounts)
  const complete = result.streams.filter(({ status }) => status === 'complete').length
  const facts = [
    `${count(complete)} of ${counted(result.streams.length, 'stream')} complete`,
    `${rows(now.loaded)} loaded`,
    ...loss(now.rejected, earlier.rejected, (all) => `${count(all)} rejected`),
    ...loss(now.nulled, earlier.nulled, (all) => `${counted(all, 'value')} became NULL`),
    ...loss(now.cut, earlier.cut, (all) => `${counted(all, 'value')} shortened`),
    `in ${duration(result.seconds)}`,
  ]
  return `${paint(statusStyles[result.status], `run ${result.status}`)}: ${facts.join(', ')}`
}

/** The losses over all starts of the run. */
function loss(now: number, earlier: number, text: (all: number) => string): readonly string[] {
  const all = now + earlier
  if (all === 0) return []
  return [`${text(all)}${earlier > 0 ? ` (${count(earlier)} in an earlier start)` : ''}`]
}
