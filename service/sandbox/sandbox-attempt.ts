import { ConnectError } from '../../protocol/index.ts'
import type { SandboxReport } from '../../engine/sandbox/sandbox-report.ts'
import type { RunPlan } from '../../engine/run-types.ts'
import { connectionStreams } from '../connections/connection-streams.ts'
import { namedStreams } from '../connections/named-streams.ts'
import { Execution } from '../execution/execution.ts'
import type { SharedConfig } from '../execution/shared-config.ts'
import { placeSecrets, planRun } from '../runs/plan-run.ts'
import { unlessAborted } from '../runs/unless-aborted.ts'
import type { Connection } from '../contract/connections.ts'
import { catalogHash } from './catalog-hash.ts'
import { instanceHash } from './instance-hash.ts'
import type { PromotionBinding } from './promotion-binding.ts'
import { readTimeoutMs, type SandboxPlaces } from './sandbox-places.ts'

export interface AttemptInput {
  /** `sbx_…` */
  readonly id: string
  readonly connection: Connection
  readonly limitRows: number
  readonly streams?: readonly string[]
  readonly expiresAtMs: number
}

export interface AttemptResult {
  readonly report: SandboxReport
  /** As it was before anything was read, so that what moves meanwhile counts as moved. */
  readonly bound: Omit<PromotionBinding, 'principal'>
}

/** One sandbox, from the connection to the report. Secrets are in nothing that it gives or throws. */
export class SandboxAttempt {
  readonly #input: AttemptInput
  readonly #places: SandboxPlaces
  readonly #execution: Execution

  constructor(input: AttemptInput, places: SandboxPlaces) {
    this.#input = input
    this.#places = places
    const facts = { sandbox: input.id, connection: input.connection.name }
    this.#execution = new Execution({ logger: places.logger, facts })
  }

  /** Throws `sandbox_stopped` where the signal ended it, `stream_not_found`, and what keeps a run from reading. */
  async run(signal: AbortSignal): Promise<AttemptResult> {
    try {
      const result = await this.#run(signal)
      return { ...result, report: this.#masked(result.report) }
    } catch (error) {
      throw this.#execution.error(error)
    }
  }

  async #run(signal: AbortSignal): Promise<AttemptResult> {
    const prepared = await unlessAborted(this.#prepare(), signal)
    if (prepared === undefined) throw stopped(this.#input.connection.name)
    const { shared, plan, bound } = prepared
    return { report: await this.#runEngine({ shared, plan }, signal), bound }
  }

  async #prepare(): Promise<{
    readonly shared: SharedConfig
    readonly plan: RunPlan
    readonly bound: AttemptResult['bound']
  }> {
    const { connection, id, streams } = this.#input
    const { instances, places, engine } = this.#places
    this.#execution.hide(placeSecrets(connection, places))
    const instance = await instances.get(connection.from)
    const source = await instances.resolveConfig(connection.from)
    const shared = this.#execution.shareConfig({ instance: connection.from, source, instances })
    const resolved = await connectionStreams(connection, instances, { refresh: true })
    const { plan } = planRun(connection, source, { run: id, done: [], places, resolved })
    const bound = {
      connectionId: connection.id,
      connectionVersion: connection.version,
      lastRun: connection.lastRun?.id ?? null,
      instanceHash: instanceHash(instance),
      catalogHash: catalogHash(plan.streams),
      destinationFingerprint: await engine.destinationFingerprint(plan.destination, plan.streams),
    }
    return { shared, plan: withStreams(plan, streams), bound }
  }

  async #runEngine(
    { shared, plan }: { readonly shared: SharedConfig; readonly plan: RunPlan },
    signal: AbortSignal,
  ): Promise<SandboxReport> {
    const { id, limitRows, expiresAtMs } = this.#input
    const { engine } = this.#places
    const ports = {
      ...{ logger: this.#execution.logger, ...shared.ports },
      now: () => this.#places.now(),
    }
    const options = { id, limitRows, expiresAtMs, readMs: readTimeoutMs }
    try {
      return await engine.runSandbox(plan, options, ports, signal)
    } finally {
      await shared.settled()
    }
  }

  #masked(report: SandboxReport): SandboxReport {
    return { ...report, streams: report.streams.map((stream) => this.#execution.outcome(stream)) }
  }
}

function stopped(connection: string): ConnectError {
  return new ConnectError('sandbox_stopped', { details: { connection } })
}

function withStreams(plan: RunPlan, names: readonly string[] | undefined): RunPlan {
  if (names === undefined) return plan
  return { ...plan, streams: namedStreams(plan.connection, plan.streams, names) }
}
