import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import type { SandboxStore } from './contract.ts'
import { beatMs } from './sandbox-places.ts'

interface BeatOptions {
  readonly id: string
  readonly store: Pick<SandboxStore, 'beat'>
  readonly logger: Logger
  /** Called once where the sandbox was deleted, or taken for dead. */
  readonly onLost: () => void
}

/** Says that the sandbox is worked on, until the signal is aborted or it is lost. */
export async function sandboxBeat(options: BeatOptions, signal: AbortSignal): Promise<void> {
  const { id, store, logger, onLost } = options
  for (;;) {
    await sleep(beatMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    try {
      if (await store.beat(id)) continue
      onLost()
      return
    } catch (error) {
      const { code, message } = ConnectError.from(error)
      logger.warn({ sandbox: id, code, reason: message }, 'a beat of a sandbox failed')
    }
  }
}
