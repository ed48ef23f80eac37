import type { MessagePort } from 'node:worker_threads'
import { type Logger, pino } from 'pino'
import { z } from 'zod'
import { ConnectError, cutTexts, passedCharacters, type ErrorBody } from '../../protocol/index.ts'
import type { ConfigReply, LogLine, StopRequest } from './worker-events.ts'

const logLine = z.record(z.string(), z.json())

/** The part that every job posted to a worker has. */
export interface JobBase {
  readonly events: MessagePort
  readonly logLevel: string
  /** Bound to every log line of the job: connection, stream, partition. */
  readonly logFields: Readonly<Record<string, string | number>>
}

/** What a job hands back: an Error would lose its class and fields on the way out of the thread. */
export type JobResult<T> =
  | { readonly status: 'ok'; readonly value: T }
  | { readonly status: 'failed'; readonly error: ErrorBody }

export interface JobContext {
  readonly logger: Logger
  /** Aborted when the main thread asks to stop. */
  readonly signal: AbortSignal
}

/**
 * Runs a job in a worker: stop by message, failure as data, logs through the port, and the port closed after the last event
 * (the main thread waits for that: a pool resolves before messages on a side port have arrived).
 */
export async function runJob<T>(
  job: JobBase,
  work: (context: JobContext) => Promise<T>,
): Promise<JobResult<T>> {
  const stop = new AbortController()
  job.events.on('message', ({ type }: StopRequest | ConfigReply) => {
    if (type === 'stop') stop.abort()
  })
  const logger = pino(
    { level: job.logLevel, base: job.logFields },
    {
      write(line: string): void {
        job.events.postMessage({ type: 'log', line: cutLine(line) } satisfies LogLine)
      },
    },
  )
  try {
    return { status: 'ok', value: await work({ logger, signal: stop.signal }) }
  } catch (error) {
    const failure = ConnectError.from(error)
    if (failure.code === 'unexpected')
      logger.error({ err: error }, 'unexpected failure in a worker')
    return { status: 'failed', error: failure.toJSON() }
  } finally {
    job.events.close()
  }
}

/** A line whose texts are as long as a vendor or a server liked is cut before it goes to the main thread. */
function cutLine(line: string): string {
  if (line.length <= passedCharacters) return line
  return JSON.stringify(cutTexts(logLine.parse(JSON.parse(line)), passedCharacters))
}
