import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import type { SandboxReport } from '../../engine/sandbox/sandbox-report.ts'
import type { RunPlan } from '../../engine/run-types.ts'
import { connectionStreams } from '../connections/connection-streams.ts'
import { namedStreams } from '../connections/named-streams.ts'
import { maskedError } from '../instances/mask-secrets.ts'
import { ConfigKeeper } from '../runs/config-keeper.ts'
import { Mask, newTexts } from '../runs/mask.ts'
import { placeSecrets, planRun } from '../runs/plan-run.ts'
import { unlessAborted } from '../runs/unless-aborted.ts'
import type { Connection } from '../contract/connections.ts'
import type { ConfigChange, ResolvedConfig } from '../contract/instances.ts'
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
  readonly #mask = new Mask()

  constructor(input: AttemptInput, places: SandboxPlaces) {
    this.#input = input
    this.#places = places
  }

  /** Throws `sandbox_stopped` where the signal ended it, `stream_not_found`, and what keeps a run from reading. */
  async run(signal: AbortSignal): Promise<AttemptResult> {
    try {
      const result = await this.#run(signal)
      return { ...result, report: this.#masked(result.report) }
    } catch (error) {
      throw maskedError(error, (text) => this.#mask.text(text))
    }
  }

  async #run(signal: AbortSignal): Promise<AttemptResult> {
    const prepared = await unlessAborted(this.#prepare(), signal)
    if (prepared === undefined) throw stopped(this.#input.connection.name)
    const { source, plan, bound } = prepared
    return { report: await this.#runEngine({ source, plan }, signal), bound }
  }

  async #prepare(): Promise<{
    readonly source: ResolvedConfig
    readonly plan: RunPlan
    readonly bound: AttemptResult['bound']
  }> {
    const { connection, id, streams } = this.#input
    const { instances, places, engine } = this.#places
    this.#mask.add(placeSecrets(connection, places))
    const instance = await instances.get(connection.from)
    const source = await instances.resolveConfig(connection.from)
    this.#mask.add(source.secrets)
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
    return { source, plan: withStreams(plan, streams), bound }
  }

  async #runEngine(
    { source, plan }: { readonly source: ResolvedConfig; readonly plan: RunPlan },
    signal: AbortSignal,
  ): Promise<SandboxReport> {
    const { id, connection, limitRows, expiresAtMs } = this.#input
    const { engine } = this.#places
    const logger = this.#places.logger.child({ connection: connection.name, sandbox: id })
    const keeper = this.#configKeeper(source.config)
    const ports = {
      logger,
      now: () => this.#places.now(),
      onConfigChanged: (config: JsonObject) => {
        this.#mask.add(newTexts(config, source.config))
        keeper.changed(config)
      },
      // A refreshed token is the one of every run of the instance, and theirs is this one's.
      changeConfig: (change: ConfigChange) => this.#changeConfig(source.config, change),
    }
    const options = { id, limitRows, expiresAtMs, readMs: readTimeoutMs }
    try {
      return await engine.runSandbox(plan, options, ports, signal)
    } finally {
      await keeper.settled()
    }
  }

  async #changeConfig(given: JsonObject, change: ConfigChange): Promise<JsonObject> {
    const { instances } = this.#places
    const changed = await instances.changeConfig(this.#input.connection.from, given, (kept) => {
      this.#mask.add(newTexts(kept, given))
      return change(kept)
    })
    this.#mask.add(newTexts(changed, given))
    return changed
  }

  #configKeeper(given: JsonObject): ConfigKeeper {
    const { instances, logger } = this.#places
    const { from } = this.#input.connection
    return new ConfigKeeper(
      (config) => instances.keepConfig(from, config, given),
      ({ code, message }) => {
        logger.error(
          { instance: from, code, reason: message },
          'a token that the source replaced could not be kept: authorize the instance anew',
        )
      },
    )
  }

  #masked(report: SandboxReport): SandboxReport {
    return {
      ...report,
      streams: report.streams.map(({ error, warnings, ...stream }) => ({
        ...stream,
        warnings: warnings.map((warning) => this.#mask.text(warning)),
        ...(error !== undefined && {
          error: ConnectError.from(
            maskedError(ConnectError.fromJSON(error), (text) => this.#mask.text(text)),
          ).toJSON(),
        }),
      })),
    }
  }
}

function stopped(connection: string): ConnectError {
  return new ConnectError('sandbox_stopped', { details: { connection } })
}

function withStreams(plan: RunPlan, names: readonly string[] | undefined): RunPlan {
  if (names === undefined) return plan
  return { ...plan, streams: namedStreams(plan.connection, plan.streams, names) }
}
