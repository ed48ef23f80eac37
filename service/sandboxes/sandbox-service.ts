import type { SandboxReport } from '../../engine/sandbox/sandbox-report.ts'
import type { Page, PageRequest } from '../platform/lists.ts'
import type {
  FinishedSandbox,
  Sandbox,
  SandboxSummary,
  StreamRows,
  TokenWithheld,
} from './schema.ts'
import type {
  NewStoredSandbox,
  PromoteInput,
  Promotion,
  SandboxInput,
  SandboxPlace,
  SandboxService,
  SandboxStore,
} from './contract.ts'
import { newId } from '../platform/database/ids.ts'
import type { PromotionBinding } from './promotion-binding.ts'
import { promote, type PromotionDependencies } from './promote.ts'
import { tokenHash } from './promote-token.ts'
import { SandboxAttempt, type AttemptResult } from './sandbox-attempt.ts'
import {
  beatMs,
  type SandboxDependencies,
  sandboxLock,
  sandboxTimeoutMs,
} from './sandbox-dependencies.ts'
import { withoutRows } from './without-rows.ts'
import { readSandboxRows } from '../../sinks/postgres/sandbox/sandbox-rows.ts'
import { dropSandboxSchema } from '../../sinks/postgres/sandbox/sandbox-schema.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { hidingLogin } from '../connections/hide-login.ts'
import { leavesSandboxes } from '../../sinks/registry.ts'
import { ConnectError } from '../../protocol/index.ts'

/** Each uses threads and sessions of two databases: further ones are refused, and may try again. */
const sandboxesAtOnce = 4
const retryAfterSeconds = 15
/** A sandbox of a dataset that is gone is gone with it. */
const existing = { ifMissing: 'fail' } as const

export interface SandboxControlOptions
  extends SandboxDependencies, Omit<PromotionDependencies, 'again'> {
  /** Aborted when the service stops: active sandboxes end. */
  readonly stopping: AbortSignal
}

/**
 * Sandboxes run in the process that gets the request, as check and discover do, for as long as a request may
 * take.
 */
export class StoredSandboxService implements SandboxService {
  readonly #options: SandboxControlOptions
  #running = 0
  /** The sandboxes that run in this process. */
  readonly #here = new Map<
    string,
    { readonly stop: AbortController; readonly ended: Promise<void> }
  >()

  constructor(options: SandboxControlOptions) {
    this.#options = options
  }

  async run(name: string, input: SandboxInput): Promise<FinishedSandbox> {
    if (this.#running >= sandboxesAtOnce)
      throw new ConnectError('sandbox_limit_reached', {
        details: { limit: sandboxesAtOnce, seconds: retryAfterSeconds },
      })
    this.#running += 1
    try {
      return await this.#run(name, input)
    } finally {
      this.#running -= 1
    }
  }

  get(connection: string, id: string): Promise<Sandbox> {
    return this.#options.store.sandboxes.get(connection, id)
  }

  list(connection: string, page: PageRequest): Promise<Page<SandboxSummary>> {
    return this.#options.store.sandboxes.list(connection, page)
  }

  async rows(connection: string, id: string): Promise<readonly StreamRows[]> {
    const { store } = this.#options
    const { report } = await store.sandboxes.get(connection, id)
    const place = await store.sandboxes.place(connection, id)
    const rows = place === null ? undefined : await this.#readRows(place)
    const gone = new ConnectError('sandbox_rows_gone', { details: { connection, sandbox: id } })
    if (report === null || rows === undefined) throw gone
    return report.streams.map(({ name, namespace }, index) => {
      const streamRows = rows[index]
      if (streamRows === undefined) throw gone
      return { name, ...(namespace !== undefined && { namespace }), ...streamRows }
    })
  }

  async delete(
    connection: string,
    id: string,
    { onlyOf }: { readonly onlyOf?: string } = {},
  ): Promise<void> {
    if (onlyOf !== undefined) {
      const { principal } = await this.get(connection, id)
      if (principal !== onlyOf)
        throw new ConnectError('sandbox_of_another', { details: { connection, sandbox: id } })
    }
    const { runs, ...place } = await this.#options.store.sandboxes.release(connection, id)
    const here = this.#here.get(id)
    here?.stop.abort()
    await here?.ended
    // If it is running, its process drops it: a schema must not be dropped while it is in use.
    if (!runs) await this.#drop(place)
  }

  async promote(connection: string, input: PromoteInput): Promise<Promotion> {
    const { principal } = input
    const { promotion, sandbox } = await promote(connection, input, {
      ...this.#options,
      again: (limitRows) => this.run(connection, { limitRows, principal }),
    })
    // The previewed sandbox is no longer needed: it was promoted, or replaced by a newer one.
    if (promotion.state === 'promoted') await this.#drop(sandbox)
    else if ('sandbox' in promotion.again) {
      await this.#options.store.sandboxes.replace(sandbox.id, promotion.again.sandbox.id)
      await this.#drop(sandbox)
    }
    return promotion
  }

  #run(name: string, input: SandboxInput): Promise<FinishedSandbox> {
    const id = newId('sbx')
    const { store } = this.#options
    return store.runExclusively(sandboxLock(id), () => this.#runLocked(id, name, input))
  }

  async #runLocked(id: string, name: string, input: SandboxInput): Promise<FinishedSandbox> {
    const { store, lifetimeMs } = this.#options
    const connection = await store.connections.get(name)
    const { destination } = connection
    const { limitRows, principal, streams } = input
    const { expiresAt } = await this.#create({
      id,
      connection: name,
      destination,
      principal,
      limitRows,
      lifetimeMs,
    })
    const about = { id, connection, limitRows, expiresAtMs: Date.parse(expiresAt) }
    const attempt = new SandboxAttempt(
      { ...about, ...(streams !== undefined && { streams }) },
      this.#options,
    )
    const result = await this.#runAttempt(id, attempt)
    return this.#finish({ id, destination, expiresAt, connection: name }, { input, result })
  }

  /** A sandbox of a process that died does not block a new one. */
  async #create(sandbox: NewStoredSandbox): Promise<SandboxSummary> {
    const { sandboxes } = this.#options.store
    try {
      return await sandboxes.create(sandbox)
    } catch (error) {
      if (!(error instanceof ConnectError) || error.code !== 'sandbox_active') throw error
      if (!(await this.#endDead(sandbox.connection))) throw error
      return await sandboxes.create(sandbox)
    }
  }

  /** False: it is still running. The sweep drops its schema. */
  async #endDead(connection: string): Promise<boolean> {
    const { store } = this.#options
    const running = await store.sandboxes.running(connection)
    if (running === null) return true
    if (await store.isHeld(sandboxLock(running))) return false
    const stopped = new ConnectError('sandbox_stopped', { details: { connection } })
    await store.sandboxes.endStale(running, 0, stopped.toJSON())
    return true
  }

  /**
   * Executes an attempt, within its time limit and until it is cancelled. A failure is stored with the
   * sandbox.
   */
  async #runAttempt(id: string, attempt: SandboxAttempt): Promise<AttemptResult> {
    const stop = new AbortController()
    const ended = Promise.withResolvers<undefined>()
    this.#here.set(id, { stop, ended: ended.promise })
    const timeout = AbortSignal.timeout(sandboxTimeoutMs)
    try {
      return await this.#beating(id, stop, () =>
        attempt.run(AbortSignal.any([this.#options.stopping, timeout, stop.signal])),
      )
    } catch (thrown) {
      const error = timeout.aborted ? timedOut(thrown) : ConnectError.from(thrown)
      await this.#noteFailure(id, error)
      throw error
    } finally {
      this.#here.delete(id)
      ended.resolve(undefined)
    }
  }

  async #beating<Result>(
    id: string,
    stop: AbortController,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const { store, logger } = this.#options
    const ended = new AbortController()
    const onLost = (): void => {
      stop.abort()
    }
    const beats = sandboxBeat({ id, store: store.sandboxes, logger, onLost }, ended.signal)
    try {
      return await work()
    } finally {
      ended.abort()
      await beats
    }
  }

  /** Its schema is already gone, or is found at the destination once it has expired. */
  async #noteFailure(id: string, error: ConnectError): Promise<void> {
    const { sandboxes } = this.#options.store
    try {
      await sandboxes.end(id, { status: 'failed', error: error.toJSON() })
      await sandboxes.noteDropped(id)
    } catch (failure) {
      const { code } = ConnectError.from(failure)
      this.#options.logger.warn({ sandbox: id, code }, 'the end of a sandbox could not be noted')
    }
  }

  async #finish(
    {
      expiresAt,
      connection,
      ...place
    }: SandboxPlace & Pick<SandboxSummary, 'expiresAt' | 'connection'>,
    { input, result }: { readonly input: SandboxInput; readonly result: AttemptResult },
  ): Promise<FinishedSandbox> {
    const { store, tokens } = this.#options
    const { report, bound } = result
    const tokenWithheld = whyWithheld(input, report)
    const binding: PromotionBinding = { ...bound, principal: input.principal }
    const subject = { sandbox: place.id, expiresAt, binding }
    const promoteToken = tokenWithheld === null ? await tokens.issue(subject) : null
    const token = promoteToken === null ? null : { hash: tokenHash(promoteToken), binding }
    const outcome = { status: 'ready', report: withoutRows(report), token } as const
    const ended = await store.sandboxes.end(place.id, outcome)
    if (ended === null) {
      // It was deleted in the meantime.
      await this.#drop(place)
      throw new ConnectError('sandbox_stopped', { details: { connection } })
    }
    return { ...ended, report, promoteToken, tokenWithheld }
  }

  async #readRows({ id, destination }: SandboxPlace): ReturnType<typeof readSandboxRows> {
    if (!leavesSandboxes(destination)) return undefined
    const address = await this.#options.places.addressOf(destination, existing)
    return hidingLogin(address, () => readSandboxRows(address, id))
  }

  /** If it cannot be dropped now, the sweep does it. */
  async #drop({ id, destination }: SandboxPlace): Promise<void> {
    const { store, places, logger } = this.#options
    try {
      if (leavesSandboxes(destination))
        await dropSandboxSchema(await places.addressOf(destination, existing), id)
      await store.sandboxes.noteDropped(id)
    } catch (error) {
      const { code } = ConnectError.from(error)
      logger.warn({ sandbox: id, code }, 'the schema of a sandbox is left to the sweep')
    }
  }
}

function whyWithheld({ streams }: SandboxInput, report: SandboxReport): TokenWithheld | null {
  if (streams !== undefined) return 'some_streams'
  return report.streams.some(({ error }) => error !== undefined) ? 'failed_streams' : null
}

function timedOut(cause: unknown): ConnectError {
  const details = { seconds: sandboxTimeoutMs / 1000 }
  return new ConnectError('sandbox_timed_out', { details, cause })
}

interface BeatOptions {
  readonly id: string
  readonly store: Pick<SandboxStore, 'beat'>
  readonly logger: Logger
  /** Called once if the sandbox was deleted, or considered dead. */
  readonly onLost: () => void
}

/** Sends heartbeats of the sandbox, until the signal is aborted or it is lost. */
async function sandboxBeat(options: BeatOptions, signal: AbortSignal): Promise<void> {
  const { id, store, logger, onLost } = options
  for (;;) {
    await sleep(beatMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    try {
      if (await store.beat(id)) continue
      onLost()
      return
    } catch (error) {
      const { code, message } = ConnectError.from(error)
      logger.warn({ sandbox: id, code, reason: message }, 'a beat of a sandbox failed')
    }
  }
}
