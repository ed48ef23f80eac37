import { ConnectError } from '../../protocol/index.ts'

export interface StepResult {
  readonly vendor: string
  readonly step: string
  readonly outcome: 'ok' | 'failed' | 'skipped'
  readonly reason?: string
}

/** A failure that has its line already. */
const reported = new WeakSet()

/** The lines of a pass over one vendor. */
export class Report {
  readonly results: StepResult[] = []
  readonly #vendor: string
  readonly #secret: string
  readonly #write: (line: string) => void

  /** @param secret text that no line may show */
  constructor(vendor: string, secret: string, write: (line: string) => void) {
    this.#vendor = vendor
    this.#secret = secret
    this.#write = write
  }

  /**
   * Runs a step and writes its line. `work` may return a text that stands behind `ok`, or null if it has
   * written a line itself. Rethrows its failure.
   */
  async step(name: string, work: () => Promise<string | null | undefined>): Promise<void> {
    try {
      const note = await work()
      if (note !== null) this.#add(name, 'ok', note)
    } catch (error) {
      this.failed(name, error)
      throw error
    }
  }

  /** The same for a step that no other one depends on: its failure ends nothing else. */
  async lone(name: string, work: () => Promise<string | null | undefined>): Promise<void> {
    try {
      await this.step(name, work)
    } catch (error) {
      this.failed(name, error)
    }
  }

  /** Writes a failure, once. */
  failed(name: string, error: unknown): void {
    if (typeof error === 'object' && error !== null) {
      if (reported.has(error)) return
      reported.add(error)
    }
    this.#add(name, 'failed', reasonOf(error))
  }

  skipped(name: string, reason: string): void {
    this.#add(name, 'skipped', reason)
  }

  #add(step: string, outcome: StepResult['outcome'], note: string | undefined): void {
    const masked = this.#secret === '' ? note : note?.replaceAll(this.#secret, '***')
    const reason = masked?.replaceAll(/\s+/g, ' ')
    this.results.push({
      vendor: this.#vendor,
      step,
      outcome,
      ...(reason !== undefined && { reason }),
    })
    this.#write(`${this.#vendor} ${step}: ${outcome}${reason === undefined ? '' : `: ${reason}`}\n`)
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof ConnectError) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}
