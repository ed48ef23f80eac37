import type { Logger } from 'pino'
import type { ChangeConfig } from '../../connectors/connector.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import { ConfigLender, JobSide } from './main-side.ts'
import { openPool, runIn } from './pool.ts'
import type { SourceAnswer, SourceEvent, SourceJob } from './protocol.ts'

/**
 * Threads in which connectors run `check` and `discover`, so that a slow or hostile source stops nobody else.
 */
export interface SourceThreads extends AsyncDisposable {
  /**
   * Undefined if the source did not respond within `timeoutMs` (including the wait for a thread): its thread
   * is then killed. Throws the connector's ConnectError.
   */
  ask(question: SourceQuestion): Promise<SourceAnswer | undefined>
}

export interface SourceQuestion extends Pick<
  SourceJob,
  'question' | 'type' | 'config' | 'allowedNetworks'
> {
  readonly timeoutMs: number
  /** Kills the thread of the question. */
  readonly kill?: AbortSignal
  /** For the log lines of the connector, which may contain secrets. */
  readonly logger: Logger
  /** Called before `ask` resolves. Holds secrets. */
  readonly onConfigChanged: (config: JsonObject) => void
  /** The connector has a secret that is not in its configuration. */
  readonly onSecretFound: (text: string) => void
  /** Everything that was changed is stored when `ask` resolves. */
  readonly changeConfig: ChangeConfig
}

export function openSourceThreads({
  threads,
  idleMs = 1_000,
  logger,
}: {
  readonly threads: number
  /** How long a thread stays without work. */
  readonly idleMs?: number
  readonly logger: Logger
}): SourceThreads {
  const pool = openPool<SourceJob, SourceAnswer>(
    { path: '../read/source-worker', name: 'askSource' },
    { minThreads: 0, threads, heapMb: 512, idleMs, logger },
  )
  return {
    async ask({
      timeoutMs,
      kill,
      logger: questionLogger,
      onConfigChanged,
      onSecretFound,
      changeConfig,
      ...question
    }) {
      const side = new JobSide<SourceEvent>(questionLogger, (event) => {
        if (event.type === 'config_changed') onConfigChanged(event.config)
        else if (event.type === 'secret_found') onSecretFound(event.text)
        else lender.handle(event)
      })
      const lender = new ConfigLender(changeConfig, (reply) => {
        side.reply(reply)
      })
      const timeout = AbortSignal.timeout(timeoutMs)
      const { level: logLevel } = questionLogger
      const job = { ...question, events: side.workerPort, logLevel, logFields: {} }
      const result = await runIn(pool, job, {
        transfer: [side.workerPort],
        kill: kill === undefined ? timeout : AbortSignal.any([timeout, kill]),
      })
      await side.waitUntilDrained()
      await lender[Symbol.asyncDispose]()
      if (result.status === 'ok') return result.value
      if (timeout.aborted) return undefined
      throw ConnectError.fromJSON(result.error)
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  }
}
