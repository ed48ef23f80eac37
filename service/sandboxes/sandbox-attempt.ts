import { ConnectError, streamIdOf } from '../../protocol/index.ts'
import type { SandboxReport } from '../../engine/sandbox/sandbox-report.ts'
import { Execution } from '../execution/execution.ts'
import type { SharedConfig } from '../execution/shared-config.ts'
import { type DestinationPlan, runAnySandbox, sandboxOf } from '../../engine/sandbox/any-sandbox.ts'
import { namedStreams } from '../../plan/streams/named-streams.ts'
import { approvedStreams } from '../connections/drift/approved-streams.ts'
import { findPlaces, placeSecrets, planRun, type RunPlaces } from '../run-worker/plan-run.ts'
import { unlessAborted } from '../../lib/async/unless-aborted.ts'
import type { Connection } from '../connections/schema.ts'
import type { ResolvedConfig } from '../execution/resolved-config.ts'
import type { SandboxDrift, SandboxFindings } from './schema.ts'
import { newId } from '../platform/database/ids.ts'
import { catalogHash } from './catalog-hash.ts'
import { estimatedSeconds } from './estimate-time.ts'
import { instanceHash } from './instance-hash.ts'
import { bindingFormat, type PromotionBinding } from './promotion-binding.ts'
import { sandboxDrift, type DriftInput } from './sandbox-drift.ts'
import {
  halfReadTimeoutMs,
  readTimeoutMs,
  type SandboxDependencies,
} from './sandbox-dependencies.ts'

export interface AttemptInput {
  /** `sbx_…` */
  readonly id: string
  readonly connection: Connection
  readonly limitRows: number
  readonly streams?: readonly string[]
  readonly expiresAtMs: number
}

export interface AttemptResult {
  readonly report: SandboxFindings
  /** The state before anything was read, so that changes during the sandbox count as changes. */
  readonly bound: Omit<PromotionBinding, 'principal'>
}

interface Prepared {
  readonly source: ResolvedConfig
  readonly shared: SharedConfig
  readonly plan: DestinationPlan
  readonly places: RunPlaces
  readonly drift: DriftInput
  readonly bound: AttemptResult['bound']
}

/** One sandbox, from the connection to the report. Nothing that it returns or throws contains secrets. */
export class SandboxAttempt {
  readonly #input: AttemptInput
  readonly #places: SandboxDependencies
  readonly #execution: Execution

  constructor(input: AttemptInput, places: SandboxDependencies) {
    this.#input = input
    this.#places = places
    const facts = { sandbox: input.id, connection: input.connection.name }
    this.#execution = new Execution({ logger: places.logger, facts })
  }

  /**
   * Throws `sandbox_stopped` if the signal ended it, `stream_not_found`, and errors that would keep a run
   * from reading.
   */
  async run(signal: AbortSignal): Promise<AttemptResult> {
    try {
      const result = await this.#run(signal)
      return { ...result, report: this.#maskReport(result.report) }
    } catch (error) {
      throw this.#execution.error(error)
    }
  }

  async #run(signal: AbortSignal): Promise<AttemptResult> {
    const prepared = await unlessAborted(this.#prepare(), signal)
    if (prepared === undefined) throw stoppedError(this.#input.connection.name)
    const { shared, plan, bound } = prepared
    const { id, connection } = this.#input
    const isIgnoring = connection.options.schemaDrift === 'ignore'
    const readMs = isIgnoring ? halfReadTimeoutMs : readTimeoutMs
    const engineReport = await this.#runEngine({ shared, plan, id, readMs }, signal)
    const { totals } = engineReport
    const seconds = estimatedSeconds(totals, connection.lastRun)
    const report = {
      ...engineReport,
      totals: { ...totals, estimated_cost: { ...totals.estimated_cost, seconds } },
      schema_drift: await this.#drift(prepared, signal),
    }
    return { report, bound }
  }

  /** If runs ignore schema changes, another sandbox previews following them, which is dropped at once. */
  #drift(
    { source, shared, plan, places, drift }: Prepared,
    signal: AbortSignal,
  ): Promise<SandboxDrift | null> {
    const { allowedNetworks } = this.#places.places
    const { connection, streams } = this.#input
    const id = newId('sbx')
    return sandboxDrift(drift, {
      planOf: (resolved) => {
        const options = { run: id, done: [], places, allowedNetworks, resolved }
        return withStreams(planRun(connection, source, options).plan, streams)
      },
      tryOut: async (remainingPlan) => {
        const work = { shared, plan: remainingPlan, id, readMs: halfReadTimeoutMs }
        try {
          const report = await this.#runEngine(work, signal)
          return report.streams
        } finally {
          await sandboxOf(plan.destination).drop?.(plan.destination, id)
        }
      },
    })
  }

  async #prepare(): Promise<Prepared> {
    const { connection, id, streams } = this.#input
    const { instances, places: settings, store } = this.#places
    const { allowedNetworks } = settings
    const places = await findPlaces(connection, settings)
    this.#execution.hide(placeSecrets(places))
    const instance = await instances.get(connection.from)
    const source = await instances.resolveConfig(connection.from)
    const shared = this.#execution.shareConfig({ instance: connection.from, source, instances })
    const { resolved, all, approved } = await approvedStreams(connection, { instances, store })
    const options = { run: id, done: [], places, allowedNetworks, resolved }
    const { plan } = planRun(connection, source, options)
    const bound = {
      format: bindingFormat,
      connectionId: connection.id,
      connectionVersion: connection.version,
      lastRun: connection.lastRun?.id ?? null,
      instanceHash: instanceHash(instance),
      catalogHash: catalogHash(plan.streams),
      destinationFingerprint: await sandboxOf(plan.destination).fingerprint(plan.destination, {
        connection: connection.name,
        streams: plan.streams,
        logger: this.#execution.logger,
      }),
    }
    const drift = { connection, all, approved }
    return { source, shared, plan: withStreams(plan, streams), places, drift, bound }
  }

  async #runEngine(
    {
      shared,
      plan,
      id,
      readMs,
    }: Pick<Prepared, 'shared' | 'plan'> & { readonly id: string; readonly readMs: number },
    signal: AbortSignal,
  ): Promise<SandboxReport> {
    const { limitRows, expiresAtMs } = this.#input
    const { threads } = this.#places
    const ports = {
      logger: this.#execution.logger,
      threads,
      ...shared.ports,
      now: () => this.#places.now(),
      signal,
    }
    const options = { id, limitRows, expiresAtMs, readMs }
    try {
      return await runAnySandbox(plan, options, ports)
    } finally {
      await shared.waitUntilSettled()
    }
  }

  #maskReport(report: SandboxFindings): SandboxFindings {
    const { schema_drift: drift, streams } = report
    const ignored = drift?.ignored_run ?? null
    return {
      ...report,
      streams: streams.map((stream) => this.#execution.maskOutcome(stream)),
      schema_drift: drift && {
        ...drift,
        ignored_run: ignored && {
          ...ignored,
          streams: ignored.streams.map((stream) => this.#execution.maskOutcome(stream)),
          error:
            ignored.error && this.#execution.error(ConnectError.fromJSON(ignored.error)).toJSON(),
        },
      },
    }
  }
}

function stoppedError(connection: string): ConnectError {
  return new ConnectError('sandbox_stopped', { details: { connection } })
}

function withStreams(plan: DestinationPlan, names: readonly string[] | undefined): DestinationPlan {
  if (names === undefined) return plan
  const known = plan.streams.map((sink) => ({ sink, ...streamIdOf(sink.stream.stream) }))
  return { ...plan, streams: namedStreams(plan.connection, known, names).map(({ sink }) => sink) }
}
