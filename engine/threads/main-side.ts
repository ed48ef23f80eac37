import { once } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { ChangeConfig } from '../../connectors/connector.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import type {
  ConfigReply,
  ConfigRequest,
  LogLine,
  StateCommitted,
  StopRequest,
  StreamWarning,
  WarningReply,
} from './protocol.ts'

/**
 * How long work in progress may take to reach its next checkpoint after a stop was requested. Then it is
 * ended by force: nothing is lost.
 */
export const stopGraceMs = 30_000

const logLine = z.looseObject({ level: z.number(), msg: z.string().default('') })

/** The main thread's side of a job in a worker: its events come in, a request to stop goes out. */
export class JobSide<Event extends { readonly type: string }> {
  /** To be posted to the worker with the job. */
  readonly workerPort: MessagePort
  readonly #port: MessagePort
  readonly #killer = new AbortController()
  readonly #ended: Promise<unknown>
  #grace: NodeJS.Timeout | undefined

  constructor(logger: Logger, handle: (event: Event) => void) {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.workerPort = port2
    this.#ended = once(port1, 'close')
    port1.on('message', (event: Event | LogLine) => {
      try {
        if (isLogLine(event)) forwardLog(logger, event.line)
        else handle(event)
      } catch (error) {
        // Nobody could catch it here, and it would end the process. The event may contain secrets, and the
        // error may quote it.
        const failure = error instanceof Error ? error.name : typeof error
        logger.error({ event: event.type, failure }, 'an event of a worker could not be handled')
        // The event is lost, so its job must not end well. A missing log line is acceptable.
        if (!isLogLine(event)) this.#killer.abort()
      }
    })
  }

  /** Kills the worker's thread when it did not stop in time. */
  get kill(): AbortSignal {
    return this.#killer.signal
  }

  reply(reply: ConfigReply | WarningReply | StateCommitted): void {
    this.#port.postMessage(reply)
  }

  stop(): void {
    this.#port.postMessage({ type: 'stop' } satisfies StopRequest)
    this.endInTime()
  }

  /** The worker ends by itself when another one stops; it has as long as that one. */
  endInTime(): void {
    this.#grace ??= setTimeout(() => {
      this.#killer.abort()
    }, stopGraceMs)
  }

  /** Call it when the job's result is there: resolves when the last event has been handled. */
  async waitUntilDrained(): Promise<void> {
    clearTimeout(this.#grace)
    // Closes the channel of a job that never reached a worker; otherwise the port has been transferred.
    this.workerPort.close()
    await this.#ended
  }
}

function isLogLine(event: { readonly type: string }): event is LogLine {
  return event.type === 'log'
}

function forwardLog(logger: Logger, line: string): void {
  const { level, msg, time, ...fields } = logLine.parse(JSON.parse(line))
  const label = logger.levels.labels[level]
  const entry = { ...fields, worker_time: time }
  if (label === 'fatal' || label === 'error') logger.error(entry, msg)
  else if (label === 'warn') logger.warn(entry, msg)
  else if (label === 'info') logger.info(entry, msg)
  else if (label === 'debug') logger.debug(entry, msg)
  else logger.trace(entry, msg)
}

/**
 * The main thread's side of `ChangeConfig` for one job: lends the configuration to the worker, and stores
 * what it returns. If a worker died, or was stopped, before it returned it, the configuration does not
 * change.
 */
export class ConfigLender implements AsyncDisposable {
  readonly #changeConfig: ChangeConfig
  readonly #reply: (reply: ConfigReply) => void
  /** Lent configurations that are not returned yet. */
  readonly #returns = new Map<number, (config: JsonObject | null) => void>()
  readonly #changes = new Set<Promise<void>>()
  #isEnded = false

  constructor(changeConfig: ChangeConfig, reply: (reply: ConfigReply) => void) {
    this.#changeConfig = changeConfig
    this.#reply = reply
  }

  handle(request: ConfigRequest): void {
    if (request.type === 'config_returned') {
      this.#returns.get(request.id)?.(request.config)
      return
    }
    const change = this.#lend(request.id).finally(() => this.#changes.delete(change))
    this.#changes.add(change)
  }

  async #lend(id: number): Promise<void> {
    const returned = Promise.withResolvers<JsonObject | null>()
    this.#returns.set(id, returned.resolve)
    if (this.#isEnded) returned.resolve(null)
    try {
      const config = await this.#changeConfig((stored) => {
        this.#reply({ type: 'config_lent', id, config: stored })
        return returned.promise
      })
      this.#reply({ type: 'config_kept', id, config })
    } catch (error) {
      this.#reply({ type: 'config_failed', id, error: ConnectError.from(error).toJSON() })
    } finally {
      this.#returns.delete(id)
    }
  }

  /** Call it when the worker's port has closed: resolves when the returned configuration is stored. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true
    for (const giveBack of this.#returns.values()) giveBack(null)
    await Promise.all(this.#changes)
  }
}

/**
 * The main thread's side of `StreamWarnings` for one job: it stores each warning and then notifies the
 * worker. Dispose it when the job has ended.
 */
export class WarningKeeper implements AsyncDisposable {
  readonly #keep: (text: string) => Promise<void>
  readonly #reply: (reply: WarningReply) => void
  readonly #pending = new Set<Promise<void>>()

  /** @param keep resolves when the warning is durable */
  constructor(keep: (text: string) => Promise<void>, reply: (reply: WarningReply) => void) {
    this.#keep = keep
    this.#reply = reply
  }

  handle(warning: StreamWarning): void {
    const keeping = this.#handle(warning).finally(() => this.#pending.delete(keeping))
    this.#pending.add(keeping)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#pending)
  }

  async #handle({ id, text }: StreamWarning): Promise<void> {
    try {
      await this.#keep(text)
      this.#reply({ type: 'warning_kept', id })
    } catch (error) {
      this.#reply({ type: 'warning_failed', id, error: ConnectError.from(error).toJSON() })
    }
  }
}
