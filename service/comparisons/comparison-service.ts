import { compareConnection } from '../../engine/compare/compare-connection.ts'
import type { ComparisonReport } from '../../engine/compare/comparison-report.ts'
import type { RunPlan } from '../../engine/run-types.ts'
import { unlessAborted } from '../../lib/async/unless-aborted.ts'
import { shellWord } from '../../lib/text/shell-word.ts'
import { selectStreams } from '../../plan/streams/select-streams.ts'
import { ConnectError } from '../../protocol/index.ts'
import { approvedStreams } from '../connections/drift/approved-streams.ts'
import { Execution } from '../execution/execution.ts'
import { findPlaces, placeSecrets, type PlanDependencies, planRun } from '../run-worker/plan-run.ts'
import {
  type SandboxDependencies,
  sandboxTimeoutMs as timeoutMs,
} from '../sandboxes/sandbox-dependencies.ts'
import type { ComparisonRequest, ComparisonService } from './contract.ts'

/** Each has sessions of two databases, which scan whole tables: further ones may try again. */
const comparisonsAtOnce = 2
const retryAfterSeconds = 30

export interface ComparisonDependencies extends Pick<
  SandboxDependencies,
  'instances' | 'logger' | 'now'
> {
  readonly places: PlanDependencies
  readonly store: Pick<SandboxDependencies['store'], 'connections' | 'drift'>
  /** Aborted when the service stops. */
  readonly stopping: AbortSignal
}

/** Comparisons run in the process that gets the request, for as long as a request may take. */
export class RequestComparisonService implements ComparisonService {
  readonly #options: ComparisonDependencies
  #running = 0

  constructor(options: ComparisonDependencies) {
    this.#options = options
  }

  async compare(name: string, request: ComparisonRequest): Promise<ComparisonReport> {
    if (this.#running >= comparisonsAtOnce) {
      const details = { limit: comparisonsAtOnce, seconds: retryAfterSeconds }
      throw new ConnectError('comparison_limit_reached', { details })
    }
    this.#running += 1
    try {
      return await this.#compare(name, request)
    } finally {
      this.#running -= 1
    }
  }

  async #compare(name: string, { streams, options }: ComparisonRequest): Promise<ComparisonReport> {
    const { logger, stopping, now } = this.#options
    const execution = new Execution({ logger, facts: { connection: name } })
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(timeoutMs)])
    try {
      const plan = await unlessAborted(this.#plan(name, execution), signal)
      if (plan === undefined) throw timedOut(name)
      const report = await compareConnection(
        streams === undefined ? plan : selectStreams(plan, streams),
        options,
        { logger: execution.logger, signal, now, commands: commandsOf(name), onProgress: nothing },
      )
      return { ...report, streams: report.streams.map((stream) => maskError(stream, execution)) }
    } catch (error) {
      throw signal.aborted ? timedOut(name) : execution.error(error)
    }
  }

  async #plan(name: string, execution: Execution): Promise<RunPlan> {
    const { instances, places: settings, store } = this.#options
    const connection = await store.connections.get(name)
    const places = await findPlaces(connection, settings)
    execution.hide(placeSecrets(places))
    const source = await instances.resolveConfig(connection.from)
    execution.hide(source.secrets)
    const { resolved } = await approvedStreams(connection, { instances, store })
    const { allowedNetworks } = settings
    const options = { run: 'comparison', done: [], places, allowedNetworks, resolved }
    return planRun(connection, source, options).plan
  }
}

function nothing(): void {
  return undefined
}

function commandsOf(name: string): { readonly run: string; readonly reset: string } {
  const connection = shellWord(name)
  return {
    run: `reactor connect connections runs start ${connection} --wait`,
    reset: `reactor connect connections reset ${connection}`,
  }
}

function maskError(
  stream: ComparisonReport['streams'][number],
  execution: Execution,
): ComparisonReport['streams'][number] {
  if (stream.error === null) return stream
  return { ...stream, error: execution.error(ConnectError.fromJSON(stream.error)).toJSON() }
}

function timedOut(connection: string): ConnectError {
  const details = {
    subject: `connection ${connection}`,
    problem: `source and destination did not respond within ${String(timeoutMs / 1_000)} seconds`,
    fix: 'Compare some streams at a time, or use a run file: `reactor connect compare FILE` has no limit.',
  }
  return new ConnectError('comparison_refused', { details })
}
