import { setTimeout as delay } from 'node:timers/promises'
import { ConnectError } from '../../../protocol/index.ts'

const maxAttempts = 6
const firstWaitMs = 200

/**
 * Repeats work that must not be lost (storing the only copy of a token in the vault) for about 12 s if it
 * fails for a temporary reason. `work` reads the present state each time: a lost race is tried again at once.
 */
export async function keepTrying<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      const mayPass = error instanceof ConnectError && error.retryable
      if (!mayPass || attempt === maxAttempts) throw error
      if (error.code !== 'vault_conflict') await delay(firstWaitMs * 2 ** attempt)
    }
  }
}
