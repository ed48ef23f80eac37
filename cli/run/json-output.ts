import type { RunProgress, StreamProgress, StreamResult } from '../../engine/run-types.ts'
import { errorJson } from '../output/docs-path.ts'
import type { RunEnd, RunOutput } from './run-output.ts'

const progressEveryMs = 1_000

/**
 * One JSON object a line on stdout: progress at most once a second, the result last. docs/run-file.md
 * describes the fields.
 */
export class JsonOutput implements RunOutput {
  readonly #writeLine: (line: string) => void
  readonly #human: RunOutput
  #shownAtMs = Number.NEGATIVE_INFINITY

  /** `human` takes what people should see too: notes and the end. */
  constructor(writeLine: (line: string) => void, human: RunOutput) {
    this.#writeLine = writeLine
    this.#human = human
  }

  note(text: string): void {
    this.#human.note(text)
  }

  progress(progress: RunProgress): void {
    if (progress.atMs - this.#shownAtMs < progressEveryMs) return
    this.#shownAtMs = progress.atMs
    this.#write({
      type: 'progress',
      at: new Date(progress.atMs).toISOString(),
      seconds: (progress.atMs - progress.startedAtMs) / 1000,
      ...(progress.lag !== undefined && { lag: lagFields(progress.lag) }),
      streams: progress.streams.map(progressFields),
    })
  }

  end(end: RunEnd): void {
    this.#write({ type: 'result', exit_code: end.exitCode, ...endFields(end) })
    this.#human.end(end)
  }

  #write(event: Readonly<Record<string, unknown>>): void {
    this.#writeLine(JSON.stringify(event))
  }
}

function endFields(end: RunEnd): Readonly<Record<string, unknown>> {
  switch (end.kind) {
    case 'result': {
      const { status, seconds, streams, warnings = [] } = end.result
      return { status, seconds, warnings, streams: streams.map(resultFields) }
    }
    case 'error':
      return { status: 'failed', seconds: 0, streams: [], error: errorJson(end.error) }
    case 'stopped':
      return { status: 'stopped', seconds: 0, streams: [] }
    case 'abandoned': {
      const { seconds, streams } = end
      return { status: 'stopped', seconds, streams: streams.map(progressFields) }
    }
  }
}

function lagFields(lag: NonNullable<RunProgress['lag']>): Readonly<Record<string, number>> {
  return {
    bytes: lag.bytes,
    seconds: lag.seconds,
    kept_bytes: lag.keptBytes,
    growth_bytes_per_second: lag.growthBytesPerSecond,
    ...(lag.secondsLeft !== undefined && { seconds_left: lag.secondsLeft }),
  }
}

function progressFields(progress: StreamProgress): Readonly<Record<string, unknown>> {
  const { stream, rateLimitedUntilMs } = progress
  return {
    name: stream.name,
    ...(stream.namespace !== undefined && { namespace: stream.namespace }),
    status: progress.status,
    read: progress.read,
    read_again: progress.readAgain,
    read_bytes: progress.readBytes,
    loaded: progress.loaded,
    rejected: progress.rejected,
    ...(progress.before !== undefined && { before: progress.before }),
    ...(progress.bottleneck !== undefined && { bottleneck: progress.bottleneck }),
    ...(progress.estimatedRows !== undefined && { estimated_rows: progress.estimatedRows }),
    ...(rateLimitedUntilMs !== undefined && {
      rate_limited_until: new Date(rateLimitedUntilMs).toISOString(),
    }),
  }
}

function resultFields(result: StreamResult): Readonly<Record<string, unknown>> {
  return {
    ...progressFields(result),
    sync_id: result.syncId,
    generation_id: result.generationId,
    resumed: result.resumed,
    nulled: result.nulled,
    cut: result.cut,
    table_changes: result.tableNotes,
    warnings: result.warnings,
    ...(result.error !== undefined && { error: errorJson(result.error) }),
  }
}
