import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import { OutageLog } from '../platform/log/outage-log.ts'
import type { RunStream } from '../runs/schema.ts'
import type { RunStore } from '../runs/contract.ts'

export interface HeartbeatOptions {
  readonly run: string
  readonly owner: string
  readonly store: Pick<RunStore, 'progress'>
  readonly everyMs: number
  readonly logger: Logger
  readonly streams: () => readonly RunStream[]
  /** Called once for each instruction. */
  readonly onWord: (word: 'cancel' | 'lost') => void
}

/**
 * Reports to the store that the run is being executed, and its progress, until the signal is aborted or the
 * run is lost. If the database does not respond, it tries again: if another process takes the run in the
 * meantime, the destination's fence decides.
 */
export async function sendHeartbeats(
  options: HeartbeatOptions,
  signal: AbortSignal,
): Promise<void> {
  let lastSent = ''
  let cancelled = false
  const outage = new OutageLog({
    logger: options.logger,
    message: 'a beat of a run failed',
    backMessage: 'the beats of a run work again',
  })
  while (!signal.aborted) {
    const streams = options.streams()
    const text = JSON.stringify(streams)
    try {
      const changed = text === lastSent ? [] : streams
      const word = await options.store.progress(options.run, options.owner, changed)
      lastSent = text
      outage.worked()
      if (word === 'lost') {
        options.onWord('lost')
        return
      }
      if (word === 'cancel' && !cancelled) options.onWord('cancel')
      cancelled ||= word === 'cancel'
    } catch (error) {
      const { code, message } = ConnectError.from(error)
      outage.failed({ run: options.run, code, reason: message })
    }
    await sleep(options.everyMs, undefined, { signal }).catch(() => undefined)
  }
}
