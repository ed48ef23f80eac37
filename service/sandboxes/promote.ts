import type { Logger } from 'pino'
import { hidingLogin } from '../connections/hide-login.ts'
import { ConnectError, type AirbyteCatalog } from '../../protocol/index.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import { firstRunAt } from '../connections/first-run.ts'
import { approvedStreams } from '../connections/drift/approved-streams.ts'
import { requireFreeNewTopics } from '../connections/topic-users.ts'
import type { Jobs } from '../platform/jobs/jobs.ts'
import { submitRun } from '../runs/submit-run.ts'
import type { Connection } from '../connections/schema.ts'
import type { Run } from '../runs/schema.ts'
import type { FinishedSandbox } from './schema.ts'
import type { StoredToken, PromoteInput, Promotion, SandboxPlace } from './contract.ts'
import { type Moved, findMoved } from './promotion-binding.ts'
import { catalogHash } from './catalog-hash.ts'
import { instanceHash } from './instance-hash.ts'
import {
  isTokenOf,
  readToken,
  tokenHash,
  type PromoteTokens,
  type ReadToken,
} from './promote-token.ts'
import type { SandboxDependencies } from './sandbox-dependencies.ts'
import { sandboxOf } from '../../engine/sandbox/any-sandbox.ts'

export interface PromotionDependencies extends Pick<
  SandboxDependencies,
  'store' | 'instances' | 'places' | 'now'
> {
  readonly tokens: PromoteTokens
  readonly jobs: Pick<Jobs, 'submit' | 'firesSchedules'>
  readonly logger: Logger
  /** A new sandbox of the connection, with the changes that a run would make now. */
  readonly again: (limitRows: number) => Promise<FinishedSandbox>
}

export interface PromotionEnd {
  readonly promotion: Promotion
  /** The sandbox with the token. */
  readonly sandbox: SandboxPlace
}

/**
 * Applies the changes that a sandbox previewed, if nothing has changed since; otherwise reports the changes,
 * with a new sandbox. If there are several requests with the same token, only one wins. Throws
 * `promote_token_invalid`, `promote_token_used`, `promote_token_expired`, `promote_token_replaced`,
 * `run_active`.
 */
export async function promote(
  name: string,
  { token, principal }: PromoteInput,
  dependencies: PromotionDependencies,
): Promise<PromotionEnd> {
  const { store, logger, jobs } = dependencies
  const connection = await store.connections.get(name)
  const read = readToken(token)
  if (read === undefined) throw invalidToken(name)
  const request = { token, principal, read }
  // Before the source is queried: an invalid token costs nothing.
  await verify(request, connection, dependencies)
  const source = await presentStreams(connection, dependencies)
  const decision = await store.runExclusively(`connection ${name}`, () =>
    decide(request, { connection, source }, dependencies),
  )
  const { id, destination } = decision.sandbox
  const sandbox = { id, destination }
  if ('moved' in decision) {
    const newSandbox = await runSandboxAgain(dependencies, decision.limitRows)
    return {
      promotion: { state: 'outdated', sandbox: id, moved: decision.moved, again: newSandbox },
      sandbox,
    }
  }
  await submitRun(decision.run, { jobs, logger })
  const promoted = await store.connections.get(name)
  return {
    promotion: { state: 'promoted', sandbox: id, connection: promoted, run: decision.run },
    sandbox,
  }
}

interface PromoteRequest extends PromoteInput {
  readonly read: ReadToken
}

type Decision = { readonly sandbox: SandboxPlace } & (
  { readonly run: Run } | { readonly moved: readonly Moved[]; readonly limitRows: number }
)

/** Does not reveal why the token is invalid, or whether there is such a sandbox. */
async function verify(
  { token, principal, read }: PromoteRequest,
  { id, name }: Connection,
  { store, tokens }: PromotionDependencies,
): Promise<StoredToken> {
  const stored = await store.sandboxes.findToken(id, read.sandbox)
  if (stored === null) throw invalidToken(name)
  const { binding, expiresAt, hash } = stored
  const isSigned = await tokens.isSigned(read, { sandbox: read.sandbox, expiresAt, binding })
  const isKept = isTokenOf(token, hash)
  if (!isSigned || !isKept || binding.principal !== principal || binding.connectionId !== id)
    throw invalidToken(name)
  const details = { connection: name }
  if (stored.promotedRun !== null)
    throw new ConnectError('promote_token_used', {
      details: { ...details, run: stored.promotedRun },
    })
  if (stored.replacedBy !== null)
    throw new ConnectError('promote_token_replaced', {
      details: { ...details, sandbox: stored.replacedBy },
    })
  if (stored.hasExpired) throw new ConnectError('promote_token_expired', { details })
  return stored
}

interface SourceStreams {
  readonly streams: readonly SinkStream[]
  /** The selected streams, as the source has them now. */
  readonly seen: AirbyteCatalog
}

/** The streams that a run would read now; null if the source no longer has all of them. */
async function presentStreams(
  connection: Connection,
  { instances, store }: PromotionDependencies,
): Promise<SourceStreams | null> {
  try {
    const { resolved, seen } = await approvedStreams(connection, { instances, store })
    return { streams: resolved.streams, seen }
  } catch (error) {
    if (error instanceof ConnectError && error.code.startsWith('stream_')) return null
    throw error
  }
}

interface Present {
  readonly connection: Connection
  readonly source: SourceStreams | null
}

/** Requires the lock of the connection. */
async function decide(
  request: PromoteRequest,
  { connection: before, source }: Present,
  dependencies: PromotionDependencies,
): Promise<Decision> {
  const { store } = dependencies
  const connection = await store.connections.get(before.name)
  const stored = await verify(request, connection, dependencies)
  const sandbox = { id: request.read.sandbox, destination: connection.destination }
  const { limitRows } = stored
  const outdated = (moved: readonly Moved[]): Decision => ({ sandbox, moved, limitRows })
  if (source === null) return outdated(['source_schema'])
  const moved = findMoved(
    stored.binding,
    await presentState(connection, source.streams, dependencies),
  )
  if (moved.length > 0) return outdated(moved)
  await requireFreeNewTopics(connection, source.seen, store)
  try {
    return {
      sandbox,
      run: await createPromotedRun(request, { connection, seen: source.seen }, dependencies),
    }
  } catch (error) {
    if (error instanceof ConnectError && error.code === 'version_conflict')
      return outdated(['connection'])
    throw error
  }
}

async function presentState(
  connection: Connection,
  streams: readonly SinkStream[],
  { instances, places, logger }: PromotionDependencies,
): Promise<Parameters<typeof findMoved>[1]> {
  const destination = await places.destinationOf(connection)
  return {
    connection,
    instanceHash: instanceHash(await instances.get(connection.from)),
    catalogHash: catalogHash(streams),
    destinationFingerprint: await hidingLogin(destination, () =>
      sandboxOf(destination).fingerprint(destination, {
        connection: connection.name,
        streams,
        logger,
      }),
    ),
  }
}

async function createPromotedRun(
  { token, read }: PromoteRequest,
  { connection, seen }: { readonly connection: Connection; readonly seen: AirbyteCatalog },
  { store, jobs, now }: PromotionDependencies,
): Promise<Run> {
  const { id, name, version, schedule } = connection
  const nextRunAt = firstRunAt(schedule, { jobs, nowMs: now() })
  return store.sandboxes.promote({
    sandbox: read.sandbox,
    tokenHash: tokenHash(token),
    connection: { id, name, version },
    catalog: seen,
    nextRunAt,
  })
}

async function runSandboxAgain(
  { again }: PromotionDependencies,
  limitRows: number,
): Promise<Extract<Promotion, { state: 'outdated' }>['again']> {
  try {
    return { sandbox: await again(limitRows) }
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code === 'unexpected') throw error
    return { error: error.toJSON() }
  }
}

function invalidToken(connection: string): ConnectError {
  return new ConnectError('promote_token_invalid', { details: { connection } })
}
