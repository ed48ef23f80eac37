import { stages } from '../../engine/run/bottleneck.ts'
import type { RunProgress, StreamProgress } from '../../engine/run-types.ts'
import { streamIdOf, type ErrorBody } from '../../protocol/index.ts'
import type { RunState } from '../client/follow-run.ts'
import { serviceError } from '../client/service-error.ts'
import type { ShownResult } from '../run/result-lines.ts'

/** A run of the service in the form that the progress display takes. */
export function progressOf(run: RunState): RunProgress {
  return {
    startedAtMs: startedAtMs(run),
    atMs: Date.now(),
    streams: run.streams.map(streamProgress),
  }
}

/** The end of a run of the service. */
export function resultOf(run: RunState): ShownResult {
  const { status } = run
  return {
    status: status === 'queued' || status === 'running' ? 'failed' : status,
    seconds: (Date.parse(run.ended_at ?? run.created_at) - startedAtMs(run)) / 1000,
    streams: run.streams.map((stream) => ({
      ...streamProgress(stream),
      warnings: stream.warnings,
      tableNotes: stream.table_changes,
      ...(stream.error !== null && { error: errorBody(stream.error) }),
    })),
    warnings: run.warnings,
    ...(run.error !== null && !isOfStream(run) && { error: errorBody(run.error) }),
  }
}

/** The run's error is that of a stream, which is shown with it. */
function isOfStream({ error, streams }: RunState): boolean {
  return streams.some((stream) => stream.error !== null && stream.error.message === error?.message)
}

function startedAtMs(run: RunState): number {
  return Date.parse(run.started_at ?? run.created_at)
}

function streamProgress(stream: RunState['streams'][number]): StreamProgress {
  const { status, read, loaded, rejected, nulled, cut } = stream
  const bottleneck = stages.find((stage) => stage === stream.bottleneck)
  return {
    stream: streamIdOf(stream),
    ...{
      status,
      read,
      readAgain: stream.read_again,
      readBytes: stream.read_bytes,
      loaded,
      rejected,
      nulled,
      cut,
    },
    ...(bottleneck !== undefined && { bottleneck }),
  }
}

function errorBody(error: NonNullable<RunState['error']>): ErrorBody {
  return serviceError(error).toJSON()
}
