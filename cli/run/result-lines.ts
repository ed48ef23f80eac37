import { streamLabel, type ErrorBody } from '../../protocol/index.ts'
import type { RunResult, StreamResult } from '../../engine/run-types.ts'
import { count, duration, rows } from './amounts.ts'
import type { Paint, Style } from './paint.ts'
import type { RunClock } from './run-clock.ts'

const statusStyles: Readonly<Record<StreamResult['status'] | RunResult['status'], Style>> = {
  complete: 'green',
  partial: 'yellow',
  stopped: 'yellow',
  waiting: 'yellow',
  running: 'yellow',
  failed: 'red',
}

/** The end of a run: a line for every stream, with its warnings and error below, and a summary. */
export function resultLines(
  result: RunResult,
  context: { readonly clock: RunClock; readonly paint: Paint },
): readonly string[] {
  const nameWidth = Math.max(...result.streams.map(({ stream }) => streamLabel(stream).length), 0)
  const streams = result.streams.flatMap((stream) => streamLines(stream, { ...context, nameWidth }))
  return [...streams, summary(result, context.paint)]
}

function streamLines(
  stream: StreamResult,
  context: { readonly clock: RunClock; readonly paint: Paint; readonly nameWidth: number },
): readonly string[] {
  const { paint } = context
  const seconds = context.clock.seconds(stream)
  const facts = [
    `${count(stream.read)} read`,
    `${count(stream.loaded)} loaded`,
    `${count(stream.rejected)} rejected`,
    ...(seconds === undefined
      ? []
      : [duration(seconds), `${count(stream.loaded / seconds)} rows/s`]),
    ...(stream.resumed ? ['resumed'] : []),
  ]
  const status = paint(statusStyles[stream.status], stream.status.padEnd(8))
  return [
    `${status}  ${streamLabel(stream.stream).padEnd(context.nameWidth)}  ${facts.join(', ')}`,
    ...stream.warnings.map((warning) => `  ${paint('yellow', 'warning:')} ${warning}`),
    ...(stream.error === undefined ? [] : errorLines(stream.error, { paint, indent: '  ' })),
  ]
}

function summary(result: RunResult, paint: Paint): string {
  const loaded = result.streams.reduce((total, stream) => total + stream.loaded, 0)
  const rejected = result.streams.reduce((total, stream) => total + stream.rejected, 0)
  const complete = result.streams.filter(({ status }) => status === 'complete').length
  const facts = [
    `${String(complete)} of ${String(result.streams.length)} streams complete`,
    `${rows(loaded)} loaded`,
    ...(rejected > 0 ? [`${count(rejected)} rejected`] : []),
    `in ${duration(result.seconds)}`,
  ]
  return `${paint(statusStyles[result.status], `run ${result.status}`)}: ${facts.join(', ')}${advice[result.status]}`
}

const advice: Readonly<Record<RunResult['status'], string>> = {
  complete: '',
  partial:
    '. Run the same command again: complete streams start their next sync, the others go on from their last checkpoint.',
  failed: '. Run the same command again after the fix: it goes on from the last checkpoint.',
  stopped: '. Run the same command again to go on from the last checkpoint.',
}

/** An error as the user reads it: what happened, what to do, where to read more. */
export function errorLines(
  error: ErrorBody,
  { paint, indent = '' }: { readonly paint: Paint; readonly indent?: string },
): readonly string[] {
  const more = error.details?.more
  const others = Array.isArray(more) ? more.map((text) => `  also: ${String(text)}`) : []
  const lines = [
    `${paint('red', 'error:')} ${error.message} ${paint('dim', `[${error.code}]`)}`,
    `  fix:  ${error.suggested_fix}`,
    ...others,
    `  docs: ${error.docs_url}`,
  ]
  return lines.map((line) => `${indent}${line}`)
}
