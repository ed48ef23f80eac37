import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import { Wake } from '../../../lib/async/wake.ts'

export interface RepeatedTask {
  /** For the log: `schedules`. */
  readonly name: string
  readonly everyMs: number
  /** After a failure. Default: `everyMs`. */
  readonly retryMs?: number
  readonly task: () => Promise<void>
  readonly logger: Logger
}

/**
 * Runs the task until the signal is aborted. A failed task is tried again; the first failure in a row and its
 * end are logged.
 */
export async function runRepeatedly(repeated: RepeatedTask, signal: AbortSignal): Promise<void> {
  const { name, everyMs, retryMs = everyMs, logger } = repeated
  const pause = new Wake()
  let failed = false
  while (!signal.aborted) {
    const error = await failureOf(repeated.task)
    if (error !== undefined && !failed && !isAborted(signal)) {
      const facts = { task: name, code: error.code, reason: error.message }
      logger.warn(facts, 'a task of the scheduler fails; it is tried again')
    }
    if (error === undefined && failed)
      logger.info({ task: name }, 'a task of the scheduler works again')
    failed = error !== undefined
    await pause.wait(failed ? retryMs : everyMs, signal)
  }
}

async function failureOf(task: () => Promise<void>): Promise<ConnectError | undefined> {
  try {
    await task()
    return undefined
  } catch (thrown) {
    return ConnectError.from(thrown)
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
