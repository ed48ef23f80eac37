import { ConnectError } from '../../protocol/index.ts'
import type { HealthService } from '../service.ts'
import type { Store } from '../store/store.ts'
import type { Vault } from '../vault/vault.ts'

export interface HealthOptions {
  readonly store: Pick<Store, 'ping'>
  readonly vault: Pick<Vault, 'check'>
  readonly stopping: AbortSignal
  now(): number
}

/** Everybody may ask: an answer is good for a while, and takes this long at most. */
const goodForMs = 1_000
const timeoutMs = 3_000

/** Whether the parts answer that every request needs. */
export class Health implements HealthService {
  readonly #options: HealthOptions
  #asked: { readonly atMs: number; readonly problems: Promise<readonly string[]> } | undefined

  constructor(options: HealthOptions) {
    this.#options = options
  }

  live(): boolean {
    return true
  }

  async problems(): Promise<readonly string[]> {
    const atMs = this.#options.now()
    if (this.#asked === undefined || atMs - this.#asked.atMs > goodForMs)
      this.#asked = { atMs, problems: this.#ask() }
    const problems = await this.#asked.problems
    return this.#options.stopping.aborted ? ['the service stops', ...problems] : problems
  }

  async #ask(): Promise<readonly string[]> {
    const { store, vault } = this.#options
    const problems = await Promise.all([
      problemOf('the metadata database', store.ping()),
      problemOf('the vault', vault.check()),
    ])
    return problems.filter((problem) => problem !== undefined)
  }
}

/** Names the part and the error's code: anybody may read it, so no address. */
async function problemOf(part: string, check: Promise<void>): Promise<string | undefined> {
  const timeout = Promise.withResolvers<string>()
  const timer = setTimeout(() => {
    timeout.resolve(`${part} does not answer in time`)
  }, timeoutMs)
  const answer = check.then(
    () => undefined,
    (error: unknown) => `${part} cannot be used (${ConnectError.from(error).code})`,
  )
  try {
    return await Promise.race([answer, timeout.promise])
  } finally {
    clearTimeout(timer)
  }
}
