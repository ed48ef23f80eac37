import { type MessagePort, workerData } from 'node:worker_threads'
import { type Logger, pino } from 'pino'
import { z } from 'zod'
import { ConnectError, cutTexts, passedCharacters, type JsonObject } from '../../protocol/index.ts'
import type {
  ConfigReply,
  ConfigRequest,
  ExpectedJobs,
  JobBase,
  JobResult,
  LogLine,
  WorkerMessage,
} from './protocol.ts'

const logLine = z.record(z.string(), z.json())

export interface JobContext {
  readonly logger: Logger
  /** Aborted when the main thread asks to stop. */
  readonly signal: AbortSignal
}

/** The jobs that this thread was started for (pool.ts); undefined if they were not known. */
export function expectedJobs(): ExpectedJobs | undefined {
  return (workerData as { readonly expectedJobs?: ExpectedJobs } | null)?.expectedJobs
}

/**
 * Runs a job in a worker: stop by message, failure as data, logs through the port, and the port closed after
 * the last event (the main thread waits for that: a pool resolves before messages on a side port have
 * arrived).
 */
export async function runJob<T>(
  job: JobBase,
  work: (context: JobContext) => Promise<T>,
): Promise<JobResult<T>> {
  const stop = new AbortController()
  job.events.on('message', ({ type }: WorkerMessage) => {
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

/**
 * A line whose texts are very long, because a vendor or a server wrote them, is cut before it goes to the
 * main thread.
 */
function cutLine(line: string): string {
  if (line.length <= passedCharacters) return line
  return JSON.stringify(cutTexts(logLine.parse(JSON.parse(line)), passedCharacters))
}

/**
 * The worker's side of `ChangeConfig`: see `ConfigLender` in main-side.ts. Dispose it before the job ends:
 * the changes are stored then.
 */
export class ConfigBorrower implements AsyncDisposable {
  readonly #port: MessagePort
  readonly #signal: AbortSignal
  readonly #waiting = new Map<number, PromiseWithResolvers<JsonObject>>()
  readonly #changes = new Set<Promise<unknown>>()
  #lastId = 0

  /**
   * @param signal ends the wait for others; a change that has begun is completed: a token that was used is
   * gone
   */
  constructor(port: MessagePort, signal: AbortSignal) {
    this.#port = port
    this.#signal = signal
    port.on('message', (message: WorkerMessage) => {
      if (isConfigReply(message)) this.#hear(message)
    })
  }

  change(change: (stored: JsonObject) => Promise<JsonObject | null>): Promise<JsonObject> {
    const changing = this.#change(change)
    const settled = changing
      .catch(() => undefined) // the caller of `change` gets it
      .finally(() => this.#changes.delete(settled))
    this.#changes.add(settled)
    return changing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#changes)
  }

  async #change(change: (stored: JsonObject) => Promise<JsonObject | null>): Promise<JsonObject> {
    this.#lastId += 1
    const id = this.#lastId
    const lent = await this.#borrow(id)
    try {
      const config = await change(lent)
      return await this.#ask({ type: 'config_returned', id, config })
    } catch (error) {
      this.#post({ type: 'config_returned', id, config: null })
      throw error
    }
  }

  async #borrow(id: number): Promise<JsonObject> {
    this.#signal.throwIfAborted()
    const lent = this.#ask({ type: 'config_asked', id })
    const stop = (): void => {
      this.#waiting.get(id)?.reject(this.#signal.reason)
      this.#waiting.delete(id)
    }
    this.#signal.addEventListener('abort', stop, { once: true })
    try {
      return await lent
    } finally {
      this.#signal.removeEventListener('abort', stop)
    }
  }

  #ask(request: ConfigRequest): Promise<JsonObject> {
    const answer = Promise.withResolvers<JsonObject>()
    this.#waiting.set(request.id, answer)
    this.#post(request)
    return answer.promise
  }

  #hear(reply: ConfigReply): void {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (reply.type === 'config_failed') waiting?.reject(ConnectError.fromJSON(reply.error))
    else if (waiting !== undefined) waiting.resolve(reply.config)
    // Nobody is waiting any more.
    else if (reply.type === 'config_lent')
      this.#post({ type: 'config_returned', id: reply.id, config: null })
  }

  #post(request: ConfigRequest): void {
    this.#port.postMessage(request)
  }
}

function isConfigReply(message: WorkerMessage): message is ConfigReply {
  return (
    message.type === 'config_lent' ||
    message.type === 'config_kept' ||
    message.type === 'config_failed'
  )
}
