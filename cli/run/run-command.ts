import { type FileRunPorts, runLoadedFile } from '../../plan/run/run-loaded-file.ts'
import type { EndedRun } from '../../engine/run-types.ts'
import type { LoadedRunFile } from '../../plan/run-file/load-run-file.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { commandFailure } from '../output/command-failure.ts'
import type { MetricsServer } from './metrics-server.ts'
import type { RunEnd, RunOutput } from './run-output.ts'

export interface RunOptions {
  readonly log: 'embedded' | 'kafka' | undefined
  readonly continuous?: boolean | undefined
  readonly metricsPort: number | undefined
}

interface RunCommandContext extends Omit<FileRunPorts, 'metrics' | 'note' | 'progress'> {
  readonly output: RunOutput
}

/** A run that has come to its end, however that was. */
export interface FileRun {
  readonly end: RunEnd
  /** The ended run, if streams were run. The caller must dispose of it. */
  readonly run?: EndedRun
}

/** Runs the connection of a loaded file as the command does. Never throws: the end says what happened. */
export async function runFileCommand(
  file: LoadedRunFile,
  { log, continuous, metricsPort }: RunOptions,
  { output, ...context }: RunCommandContext,
): Promise<FileRun> {
  try {
    await using server = metricsPort === undefined ? undefined : await listenForMetrics(metricsPort)
    if (server !== undefined) output.note(`metrics: ${server.url}`)
    const run = await runLoadedFile(
      file,
      { log, continuous },
      {
        ...context,
        ...(server !== undefined && { metrics: server.metrics }),
        note: output.note.bind(output),
        progress: output.progress.bind(output),
      },
    )
    // Only a stop ends a continuous run.
    const isContinuous = continuous ?? file.content.continuous
    const stopped = isContinuous ? exitCodes.complete : exitCodes.stopped
    if (run === undefined) return { end: { kind: 'stopped', exitCode: stopped } }
    const { result } = run
    const exitCode = result.status === 'stopped' ? stopped : exitCodeOf(result.status)
    return { end: { kind: 'result', result, exitCode }, run }
  } catch (error) {
    return { end: commandFailure(error) }
  }
}

/**
 * Loaded only if metrics were asked for: Node's HTTP server loads its client for fetch as well, and the
 * Prometheus client takes 50 ms of CPU.
 */
async function listenForMetrics(port: number): Promise<MetricsServer> {
  const { MetricsServer } = await import('./metrics-server.ts')
  return MetricsServer.listen(port)
}
