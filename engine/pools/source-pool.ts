import type { Logger } from 'pino'
import type { ChangeConfig } from '../../connectors/connector.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import type { SourceAnswer, SourceJob } from '../reader/source-worker.ts'
import { ConfigLender } from './config-lender.ts'
import { JobSide } from './job-side.ts'
import type { SourceEvent } from './worker-events.ts'
import { openPool, runIn } from './worker-pool.ts'

/** Threads in which connectors answer `check` and `discover`, so that a slow or hostile source stops nobody else. */
export interface SourcePool extends AsyncDisposable {
  /**
   * Undefined where the source did not answer within `timeoutMs` (waiting for a thread included): its thread is killed then.
   * Throws the connector's ConnectError.
   */
  ask(question: SourceQuestion): Promise<SourceAnswer | undefined>
}

export interface SourceQuestion extends Pick<
  SourceJob,
  'question' | 'type' | 'config' | 'allowedNetworks'
> {
  readonly timeoutMs: number
  /** For what the connector logs, which may hold secrets. */
  readonly logger: Logger
  /** Called before `ask` resolves. Holds secrets. */
  readonly onConfigChanged: (config: JsonObject) => void
  /** The connector has a secret that is not in its configuration. */
  readonly onSecretFound: (text: string) => void
  /** All that was changed is kept when `ask` resolves. */
  readonly changeConfig: ChangeConfig
}

export function openSourcePool({
  threads,
  logger,
}: {
  readonly threads: number
  readonly logger: Logger
}): SourcePool {
  const pool = openPool<SourceJob, SourceAnswer>(
    { path: '../reader/source-worker', name: 'askSource' },
    { minThreads: 0, threads, heapMb: 512, logger },
  )
  return {
    async ask({
      timeoutMs,
      logger: questionLogger,
      onConfigChanged,
      onSecretFound,
      changeConfig,
      ...asked
    }) {
      const side = new JobSide<SourceEvent>(questionLogger, (event) => {
        if (event.type === 'config_changed') onConfigChanged(event.config)
        else if (event.type === 'secret_found') onSecretFound(event.text)
        else lender.handle(event)
      })
      const lender = new ConfigLender(changeConfig, (reply) => {
        side.reply(reply)
      })
      const kill = AbortSignal.timeout(timeoutMs)
      const { level: logLevel } = questionLogger
      const job = { ...asked, events: side.workerPort, logLevel, logFields: {} }
      const result = await runIn(pool, job, { transfer: [side.workerPort], kill })
      await side.drained()
      await lender[Symbol.asyncDispose]()
      if (result.status === 'ok') return result.value
      if (kill.aborted) return undefined
      throw ConnectError.fromJSON(result.error)
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  }
}
