import { randomUUID } from 'node:crypto'
import { ConnectError } from '../../protocol/index.ts'
import type { ClaimedRun } from '../runs/contract.ts'
import { LeftRuns } from './left-runs.ts'
import { RunAttempt } from './run-attempt.ts'
import { standardTiming, type RunTiming, type RunWorkerOptions } from './run-worker-options.ts'

/** Takes runs from the queue and executes them: the roles reader and sink. */
export class RunWorker {
  readonly #options: RunWorkerOptions
  readonly #timing: RunTiming
  /** Runs that this process is claiming or working on. */
  readonly #taken = new Set<string>()
  /** By the run's id. */
  readonly #active = new Map<string, RunAttempt>()
  readonly #orphans = new Set<string>()
  readonly #left: LeftRuns

  constructor(options: RunWorkerOptions) {
    this.#options = options
    this.#timing = { ...standardTiming, ...options.timing }
    this.#left = new LeftRuns({ forMs: this.#timing.leftForMs, now: () => performance.now() })
  }

  /**
   * Runs until the signal is aborted, or a newer version has migrated the tables; active runs then drain to
   * their last checkpoint and go back to the queue.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { newer } = this.#options.store.migrationWatch
    const stop = (): void => {
      for (const attempt of this.#active.values())
        attempt.stop(signal.aborted ? 'shutdown' : 'upgrade')
    }
    signal.addEventListener('abort', stop, { once: true })
    newer.addEventListener('abort', stop, { once: true })
    try {
      if (this.#options.isAlone) await this.#adoptOrphans()
      await this.#options.queue.receive({
        parallel: this.#options.parallelRuns,
        signal: AbortSignal.any([signal, newer]),
        work: (run) => this.#work(run, signal),
      })
      if (!signal.aborted) this.#options.logger.info('this process has drained: it works on no run')
    } finally {
      signal.removeEventListener('abort', stop)
      newer.removeEventListener('abort', stop)
    }
  }

  async #attempt(run: string, attempt: RunAttempt, signal: AbortSignal): Promise<void> {
    const { runsActive } = this.#options.serviceMetrics
    this.#active.set(run, attempt)
    runsActive.inc()
    if (signal.aborted) attempt.stop('shutdown')
    if (this.#options.store.migrationWatch.newer.aborted) attempt.stop('upgrade')
    try {
      await attempt.work()
    } finally {
      this.#active.delete(run)
      runsActive.dec()
    }
  }

  async #adoptOrphans(): Promise<void> {
    const { store, queue } = this.#options
    for (const { id } of await store.runs.findStale(0, 200)) {
      this.#orphans.add(id)
      await queue.send(id, 0)
    }
  }

  /** Never throws: an error ends the run, and if the database is unavailable the run is found again later. */
  async #work(run: string, signal: AbortSignal): Promise<void> {
    const staleMs = this.#orphans.delete(run) ? 0 : this.#timing.staleMs
    // Another job for it: its row looked lost when the job was sent, because this process was late to claim
    // it, or the database was unavailable for its heartbeats.
    if (this.#taken.has(run)) return
    this.#taken.add(run)
    try {
      await this.#claim(run, staleMs, signal)
    } finally {
      this.#taken.delete(run)
    }
  }

  async #claim(run: string, staleMs: number, signal: AbortSignal): Promise<void> {
    const { store, logger } = this.#options
    // A name for each attempt: an attempt that lost its run learns it from its next heartbeat, whichever
    // process has taken the run.
    const owner = `${this.#options.owner} ${randomUUID()}`
    let claimed: ClaimedRun | null = null
    try {
      if (await this.#passOn(run)) return
      claimed = await store.runs.claim(run, owner, staleMs)
      if (claimed === null) return
      const left = this.#left
      const attempt = new RunAttempt(claimed, { ...this.#options, ...this.#timing, owner, left })
      await this.#attempt(run, attempt, signal)
    } catch (error) {
      const facts = { run, ...failureFacts(error) }
      if (claimed !== null && (await this.#endBroken(claimed, owner, error))) return
      logger.error(facts, 'this process stopped working on a run; another attempt will pick it up')
    }
  }

  /** True if the run is for a process of a newer version: it is back in the queue. */
  async #passOn(run: string): Promise<boolean> {
    const { store, queue } = this.#options
    // This process stops receiving with it, so the run does not come back.
    if (await store.migrationWatch.look()) {
      await queue.send(run, 0)
      return true
    }
    if (!this.#left.has(run)) return false
    if (await this.#isQueued(run)) await queue.send(run, this.#timing.leaveMs)
    return true
  }

  /**
   * Otherwise it was cancelled or deleted, or another process has it: should that one die, the scheduler
   * sends the run again.
   */
  async #isQueued(run: string): Promise<boolean> {
    try {
      return (await this.#options.store.runs.find(run)).status === 'queued'
    } catch (error) {
      if (error instanceof ConnectError && error.code === 'run_not_found') return false
      throw error
    }
  }

  /**
   * A bug of ours does not go away: the run would be found and would fail again, for ever. False if its end
   * could not be written.
   */
  async #endBroken(run: ClaimedRun, owner: string, thrown: unknown): Promise<boolean> {
    const { store, logger } = this.#options
    if (ConnectError.from(thrown).code !== 'unexpected') return false
    const facts = { run: run.id, ...failureFacts(thrown) }
    logger.error(facts, 'a run ended because of a mistake in this program')
    const reason = "the service's log has the cause under the run"
    const error = new ConnectError('unexpected', { details: { reason } }).toJSON()
    try {
      const { streams, warnings } = run
      await store.runs.end(run.id, owner, { status: 'failed', streams, warnings, error })
      return true
    } catch (notEnded) {
      logger.warn({ run: run.id, ...failureFacts(notEnded) }, 'the end of a run was not written')
      return false
    }
  }
}

/** The error and its place, without its message, which has not been masked. */
function failureFacts(thrown: unknown): { readonly code: string; readonly stack: string } {
  const { code } = ConnectError.from(thrown)
  const stack =
    thrown instanceof Error ? (thrown.stack ?? '').replace(thrown.message, () => '') : ''
  const frames = stack.split('\n').filter((line) => /^ {4}at /.test(line))
  const name = thrown instanceof Error ? thrown.name : typeof thrown
  return { code, stack: [name, ...frames.slice(0, 20)].join('\n') }
}
