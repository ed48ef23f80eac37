import type { Logger } from 'pino'
import { openDestination } from '../../engine/open-destination.ts'
import { retryStart } from '../../engine/run/retry-start.ts'
import { streamLabel, type StreamId } from '../../protocol/index.ts'
import type { Destination } from '../../sinks/sink.ts'
import { namedStreams } from '../../service/connections/named-streams.ts'
import type { Environment } from '../../service/platform/config/environment.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult, type CommandOutput } from '../output/command-output.ts'
import { loadRunFile } from '../run-file/load-run-file.ts'
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
  { file, streams: names }: ResetArguments,
  { output, environment, logger, signal, addSecrets }: ResetContext,
): Promise<number> {
  const { content, destination: config, secrets } = await loadRunFile(file, environment)
  addSecrets(secrets)
  const { connection } = content
  await using destination = await openDestination(config, { logger, stop: signal })
  const retry = <T>(work: () => Promise<T>): Promise<T> =>
    retryStart({ logger, signal, now: Date.now }, work)
  const known = await retry(() => loadedBy(destination, connection))
  const wanted = names === undefined ? known : namedStreams(connection, known, names)
  await retry(() => destination.forget(connection, names === undefined ? 'all' : wanted))
  await showResult(output, { reset: connection, streams: wanted.map(streamLabel) }, () =>
    text(connection, wanted.map(plainLabel)),
  )
  return exitCodes.complete
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
