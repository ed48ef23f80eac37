import { pino, type Logger } from 'pino'
import type { z } from 'zod'
import { checkRunFile } from '../plan/run-file/load-run-file.ts'
import type { runFileSchema } from '../plan/run-file/run-file-schema.ts'
import { PositionIndex } from '../plan/run-file/source-position.ts'
import { runLoadedFile } from '../plan/run/run-loaded-file.ts'
import { openRunThreads } from '../plan/run/run-threads.ts'
import type { RunProgress, RunResult } from '../engine/run-types.ts'
import { ConnectError } from '../protocol/errors/connect-error.ts'
import { Mask } from '../protocol/secrets/mask.ts'
import { maskedLogger } from '../service/execution/masked-logger.ts'

export type { RunProgress, RunResult, StreamProgress, StreamResult } from '../engine/run-types.ts'
export { ConnectError, type ErrorBody } from '../protocol/errors/connect-error.ts'
export {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '../service/platform/postgres/embedded-postgres.ts'

/**
 * The contents of a run file, as an object: docs/run-file.md describes each field. Values are taken
 * literally, including `${…}`.
 */
export type Connection = z.input<typeof runFileSchema>

export interface ReplicateOptions {
  /** Ends the run at a checkpoint: its result is `stopped`, and the next run continues from there. */
  readonly signal?: AbortSignal
  /** Called a few times a second. Must not throw. */
  readonly onProgress?: (progress: RunProgress) => void
  /** Notes for the user of the program, such as a mode that a stream does not support. Must not throw. */
  readonly onNote?: (text: string) => void
  /** Receives log lines without secrets. Default: none are written. */
  readonly logger?: Logger
  /** Base folder of a manifest's relative path. Default: the current folder. */
  readonly folder?: string
  /** Private or reserved networks that an HTTP source may reach, in CIDR notation. Default: none. */
  readonly allowedNetworks?: readonly string[]
}

/**
 * Runs a connection once, to its end, in threads of this process: the same as `reactor connect run` does with
 * a file. When it resolves, each stream is complete or has an error of its own, and rows and checkpoints are
 * committed together.
 * @throws {ConnectError} if nothing could be run: a wrong field, a source or a destination that cannot be
 * reached
 */
export async function replicate(
  connection: Connection,
  options: ReplicateOptions = {},
): Promise<RunResult> {
  const { signal = new AbortController().signal, onNote, onProgress } = options
  const { folder = process.cwd(), allowedNetworks = [] } = options
  const file = await checkRunFile(connection, {
    place: { file: 'connection', positions: new PositionIndex('') },
    folder,
    environment: {},
  })
  const mask = new Mask()
  mask.add(file.secrets)
  const logger = maskedLogger({
    mask,
    logger: options.logger ?? pino({ level: 'silent' }),
    facts: { connection: connection.connection },
  })
  await using threads = openRunThreads(file, { log: undefined, logger })
  await using run = await runLoadedFile(
    { ...file, source: { ...file.source, allowedNetworks } },
    { log: undefined },
    {
      logger,
      mask,
      signal,
      threads,
      now: Date.now,
      note: (text) => onNote?.(mask.text(text)),
      progress: (progress) => onProgress?.(progress),
    },
  ).catch((error: unknown) => {
    throw ConnectError.from(error)
  })
  if (run === undefined) return { status: 'stopped', seconds: 0, streams: [] }
  // The caller has it as soon as this resolves.
  await run.confirmReported()
  return run.result
}
