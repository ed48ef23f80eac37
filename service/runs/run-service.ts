import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import type { Jobs } from '../platform/jobs/jobs.ts'
import type { Page } from '../platform/lists.ts'
import type { Run, RunLogLine, RunSummary } from './schema.ts'
import type { RunEvent, RunService, RunStore } from './contract.ts'
import { followStoredRun } from './follow-run.ts'
import { submitRun } from './submit-run.ts'

export interface RunsOptions {
  readonly store: { readonly runs: RunStore }
  readonly jobs: Pick<Jobs, 'submit' | 'withdraw'>
  readonly logger: Logger
}

/** Runs in the store; Jobs notifies the workers. */
export class StoredRunService implements RunService {
  readonly #runs: RunStore
  readonly #jobs: RunsOptions['jobs']
  readonly #logger: Logger

  constructor({ store, jobs, logger }: RunsOptions) {
    this.#runs = store.runs
    this.#jobs = jobs
    this.#logger = logger
  }

  async start(connection: string, trigger: 'manual' | 'jobs' | 'webhook' = 'manual'): Promise<Run> {
    return this.#enqueue(await this.#runs.create({ connection, trigger }))
  }

  get(connection: string, id: string): Promise<Run> {
    return this.#runs.get(connection, id)
  }

  find(id: string): Promise<Run> {
    return this.#runs.find(id)
  }

  list(connection: string, page: Parameters<RunService['list']>[1]): Promise<Page<RunSummary>> {
    return this.#runs.list(connection, page)
  }

  async cancel(connection: string, id: string): Promise<Run> {
    const run = await this.#runs.cancel(connection, id)
    if (run.status === 'cancelled') {
      await this.#jobs.withdraw(id).catch((error: unknown) => {
        // A worker that gets the job finds that the run has ended.
        this.#logger.warn(
          { run: id, code: codeOf(error) },
          'a run could not be withdrawn from Jobs',
        )
      })
    }
    return run
  }

  async retry(connection: string, id: string): Promise<Run> {
    const { status, streams } = await this.#runs.get(connection, id)
    // Partial only because of rejected records: nothing is left to read.
    const isRead = status === 'partial' && streams.every((stream) => stream.status === 'complete')
    if (status === 'complete' || isRead)
      throw new ConnectError('run_not_retryable', { details: { connection, run: id } })
    if (status === 'queued' || status === 'running')
      throw new ConnectError('run_active', { details: { connection, run: id } })
    return this.#enqueue(await this.#runs.create({ connection, trigger: 'retry', retryOf: id }))
  }

  async logs(...place: [string, string, number, number]): Promise<readonly RunLogLine[]> {
    const [connection, id, after, limit] = place
    await this.#runs.get(connection, id)
    return this.#runs.log(id, after, limit)
  }

  follow(
    ...place: [connection: string, id: string, after: number, signal: AbortSignal]
  ): AsyncIterable<RunEvent> {
    return followStoredRun(this.#runs, ...place)
  }

  async #enqueue(run: Run): Promise<Run> {
    await submitRun(run, { jobs: this.#jobs, logger: this.#logger })
    return run
  }
}

function codeOf(error: unknown): string {
  return ConnectError.from(error).code
}
