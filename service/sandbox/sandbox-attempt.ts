import { ConnectError, type ErrorBody, type JsonObject } from '../../protocol/index.ts'
import type { SandboxReport, SandboxStream } from '../../engine/sandbox/sandbox-report.ts'
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
import type { SandboxDrift, SandboxFindings } from '../contract/sandboxes.ts'
import { newId } from '../store/ids.ts'
import { catalogHash } from './catalog-hash.ts'
import { estimatedSeconds } from './estimate-time.ts'
import { instanceHash } from './instance-hash.ts'
import type { PromotionBinding } from './promotion-binding.ts'
import { sandboxDrift, type DriftInput } from './sandbox-drift.ts'
import { halfReadTimeoutMs, readTimeoutMs, type SandboxPlaces } from './sandbox-places.ts'

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
  /** As it was before anything was read, so that what moves meanwhile counts as moved. */
  readonly bound: Omit<PromotionBinding, 'principal'>
}

interface Prepared {
  readonly source: ResolvedConfig
  readonly plan: RunPlan
  readonly drift: DriftInput
  readonly bound: AttemptResult['bound']
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
    const { id, connection } = this.#input
    const isIgnoring = connection.options.schemaDrift === 'ignore'
    const readMs = isIgnoring ? halfReadTimeoutMs : readTimeoutMs
    const found = await this.#runEngine({ source, plan, id, readMs }, signal)
    const { totals } = found
    const seconds = estimatedSeconds(totals, connection.lastRun)
    const report = {
      ...found,
      totals: { ...totals, estimated_cost: { ...totals.estimated_cost, seconds } },
      schema_drift: await this.#drift(prepared, signal),
    }
    return { report, bound }
  }

  /** Runs that ignore changes of the schema are tried out in a sandbox of their own, which goes at once. */
  #drift({ source, plan, drift }: Prepared, signal: AbortSignal): Promise<SandboxDrift | null> {
    const { places, engine } = this.#places
    const { connection, streams } = this.#input
    const id = newId('sbx')
    return sandboxDrift(drift, {
      planOf: (resolved) => {
        const options = { run: id, done: [], places, resolved }
        return withStreams(planRun(connection, source, options).plan, streams)
      },
      tryOut: async (kept) => {
        const work = { source, plan: kept, id, readMs: halfReadTimeoutMs }
        try {
          const report = await this.#runEngine(work, signal)
          return report.streams
        } finally {
          await engine.dropSandboxSchema(plan.destination, id)
        }
      },
    })
  }

  async #prepare(): Promise<Prepared> {
    const { connection, id, streams } = this.#input
    const { instances, places, engine, store } = this.#places
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
    const approved = await store.drift.approved(connection.id)
    const drift = { connection, all: resolved.catalog, approved }
    return { source, plan: withStreams(plan, streams), drift, bound }
  }

  async #runEngine(
    {
      source,
      plan,
      id,
      readMs,
    }: Pick<Prepared, 'source' | 'plan'> & { readonly id: string; readonly readMs: number },
    signal: AbortSignal,
  ): Promise<SandboxReport> {
    const { connection, limitRows, expiresAtMs } = this.#input
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
    const options = { id, limitRows, expiresAtMs, readMs }
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

  #masked(report: SandboxFindings): SandboxFindings {
    const { schema_drift: drift, streams } = report
    const ignored = drift?.ignored_run ?? null
    return {
      ...report,
      streams: streams.map((stream) => this.#maskedStream(stream)),
      schema_drift: drift && {
        ...drift,
        ignored_run: ignored && {
          ...ignored,
          streams: ignored.streams.map((stream) => this.#maskedStream(stream)),
          error: ignored.error && this.#maskedError(ignored.error),
        },
      },
    }
  }

  #maskedStream({ error, warnings, ...stream }: SandboxStream): SandboxStream {
    return {
      ...stream,
      warnings: warnings.map((warning) => this.#mask.text(warning)),
      ...(error !== undefined && { error: this.#maskedError(error) }),
    }
  }

  #maskedError(error: ErrorBody): ErrorBody {
    const masked = maskedError(ConnectError.fromJSON(error), (text) => this.#mask.text(text))
    return ConnectError.from(masked).toJSON()
  }
}

function stopped(connection: string): ConnectError {
  return new ConnectError('sandbox_stopped', { details: { connection } })
}

function withStreams(plan: RunPlan, names: readonly string[] | undefined): RunPlan {
  if (names === undefined) return plan
  return { ...plan, streams: namedStreams(plan.connection, plan.streams, names) }
}
