import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { z } from 'zod'
import { ConnectError } from '../../../protocol/index.ts'
import type { VaultClient } from './vault-client.ts'

const lookupSchema = z.object({
  data: z.object({ renewable: z.boolean().default(false), ttl: z.number() }),
})
const renewedSchema = z.object({
  auth: z.object({ renewable: z.boolean(), lease_duration: z.number() }),
})
/** A token that never expires has 0; timers are limited to 24 days. */
const maxWaitMs = 24 * 3_600_000
const retryMs = 10_000

interface RenewOptions {
  readonly logger: Logger
  readonly signal: AbortSignal
  /** How often to look whether the token was replaced. Undefined: it never is. */
  readonly lookMs: number | undefined
}

/**
 * Renews the client's token at half of its time to live, until the signal is aborted or it can no longer be
 * renewed; then it waits for another token if there may be one. Never throws: the next use of an expired
 * token reports it.
 */
export async function renewToken(client: VaultClient, options: RenewOptions): Promise<void> {
  const { lookMs, signal } = options
  while (!signal.aborted) {
    const token = await tokenOf(client)
    await renewWhileValid(client, token, options)
    if (lookMs === undefined) return
    while ((await tokenOf(client)) === token) if (!(await waitUnlessAborted(lookMs, signal))) return
  }
}

/** Until it can no longer be renewed, or another one is there. */
async function renewWhileValid(
  client: VaultClient,
  token: string | undefined,
  options: RenewOptions,
): Promise<void> {
  const isOther = async (): Promise<boolean> =>
    options.lookMs !== undefined && (await tokenOf(client)) !== token
  let lease = await attempt(() => lookUp(client), options)
  while (lease?.renewable === true && lease.ttlMs > 0) {
    const renewAtMs = Date.now() + Math.min(lease.ttlMs / 2, maxWaitMs)
    while (Date.now() < renewAtMs) {
      const waitMs = Math.min(renewAtMs - Date.now(), options.lookMs ?? Infinity)
      if (!(await waitUnlessAborted(waitMs, options.signal)) || (await isOther())) return
    }
    lease = await attempt(() => renew(client), options)
  }
}

/** Undefined as long as its file cannot be read. */
async function tokenOf(client: VaultClient): Promise<string | undefined> {
  return client.token().catch(() => undefined)
}

interface Lease {
  readonly renewable: boolean
  readonly ttlMs: number
}

async function lookUp(client: VaultClient): Promise<Lease> {
  const operation = 'look up its token'
  const answer = await client.send({ method: 'GET', path: 'auth/token/lookup-self', operation })
  const parsed = lookupSchema.safeParse(answer.body)
  if (!parsed.success) throw client.refused(operation, answer)
  return { renewable: parsed.data.data.renewable, ttlMs: parsed.data.data.ttl * 1000 }
}

async function renew(client: VaultClient): Promise<Lease> {
  const operation = 'renew its token'
  const path = 'auth/token/renew-self'
  const answer = await client.send({ method: 'POST', path, body: {}, operation })
  const parsed = renewedSchema.safeParse(answer.body)
  if (!parsed.success) throw client.refused(operation, answer)
  return { renewable: parsed.data.auth.renewable, ttlMs: parsed.data.auth.lease_duration * 1000 }
}

/** Undefined if the renewal was refused, or stopped; a temporary failure is tried again. */
async function attempt(
  work: () => Promise<Lease>,
  { logger, signal }: Pick<RenewOptions, 'logger' | 'signal'>,
): Promise<Lease | undefined> {
  for (;;) {
    try {
      return await work()
    } catch (thrown) {
      const error = ConnectError.from(thrown)
      logger.warn({ error: error.toJSON() }, 'the token of the vault was not renewed')
      if (!error.retryable || !(await waitUnlessAborted(retryMs, signal))) return undefined
    }
  }
}

/** False if the signal ended it. */
async function waitUnlessAborted(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal, ref: false })
    return true
  } catch {
    return false // only the signal ends it early
  }
}
