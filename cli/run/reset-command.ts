import type { Logger } from 'pino'
import { readRangeAgain } from '../../engine/read-range-again.ts'
import { kindOf } from '../../sinks/registry.ts'
import { retryStart } from '../../engine/run/retry-start.ts'
import { streamKey, streamLabel, type StreamId } from '../../protocol/index.ts'
import type { Destination, SyncMode } from '../../sinks/sink.ts'
import { findAmong } from '../../plan/streams/find-stream.ts'
import { namedStreams } from '../../plan/streams/named-streams.ts'
import type { Environment } from '../../plan/environment.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult, type CommandOutput } from '../output/command-output.ts'
import type { RunFile } from '../../plan/run-file/run-file-schema.ts'
import { loadRunFile } from '../../plan/run-file/load-run-file.ts'
import { rangeDocument, rangeLines } from './range-lines.ts'
import { plainLabel } from './plain-label.ts'
import type { ResetArguments } from './reset-program.ts'

export interface ResetContext {
  readonly output: CommandOutput
  readonly environment: Environment
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly addSecrets: (secrets: readonly string[]) => void
}

/**
 * Forgets checkpoints at the destination; the source is not asked. Resolves with the exit code. Throws a
 * ConnectError if nothing was forgotten.
 */
export async function runReset(
  { file, streams: names, range }: ResetArguments,
  { output, environment, logger, signal, addSecrets }: ResetContext,
): Promise<number> {
  const { content, source, destination: config, secrets } = await loadRunFile(file, environment)
  addSecrets(secrets)
  const { connection } = content
  await using destination = await kindOf(config).open(config, { logger, stop: signal })
  const retry = <T>(work: () => Promise<T>): Promise<T> =>
    retryStart({ logger, signal, now: Date.now }, work)
  const known = await retry(() => loadedBy(destination, connection))
  const wanted = names === undefined ? known : namedStreams(connection, known, names)
  if (range !== undefined) {
    const { from, to, doubleRows: doublesRows, dryRun: isDryRun } = range
    const modes = modesOf(content, known)
    const request = {
      connection,
      streams: wanted,
      modes,
      sourceType: source.type,
      range: { from, to },
    }
    const found = await retry(() =>
      readRangeAgain(destination, { ...request, doublesRows, isDryRun }),
    )
    const streams = found.map(rangeDocument)
    await showResult(output, { reset: connection, dry_run: isDryRun, streams }, () =>
      rangeLines(connection, streams, range),
    )
    return exitCodes.complete
  }
  await retry(() => destination.forget(connection, names === undefined ? 'all' : wanted))
  await showResult(output, { reset: connection, streams: wanted.map(streamLabel) }, () =>
    text(connection, wanted.map(plainLabel)),
  )
  return exitCodes.complete
}

/** The modes that the run file sets. */
function modesOf(
  { streams, defaults }: RunFile,
  known: readonly StreamId[],
): ReadonlyMap<string, SyncMode> {
  const modes = new Map<string, SyncMode>()
  const add = (stream: StreamId, mode: SyncMode | undefined): void => {
    if (mode !== undefined) modes.set(streamKey(stream), mode)
  }
  for (const stream of known) add(stream, defaults.destination_sync_mode)
  for (const chosen of streams === 'all' ? [] : streams) {
    const fields = typeof chosen === 'string' ? { name: chosen } : chosen
    const match = findAmong(known, fields, 'the connection')
    if ('stream' in match && 'destination_sync_mode' in fields)
      add(match.stream, fields.destination_sync_mode)
  }
  return modes
}

async function loadedBy(
  destination: Destination,
  connection: string,
): Promise<readonly StreamId[]> {
  await destination.check()
  return (await destination.loadedStreams(connection)).map(({ stream }) => stream)
}

function text(connection: string, labels: readonly string[]): string {
  if (labels.length === 0) return `${connection}: it has loaded no streams: nothing to forget\n`
  return `${connection}: the checkpoints of ${labels.join(', ')} are forgotten; the next run reads from the beginning\n`
}
