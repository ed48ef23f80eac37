import { z } from 'zod'
import type { ConnectError } from '../../../protocol/index.ts'
import { type JsonObject } from '../../../protocol/index.ts'
import { renewToken } from './renew-token.ts'
import { VaultClient, type VaultResponse, type VaultClientOptions } from './vault-client.ts'
import {
  checkPath,
  secretsError,
  secretsText,
  type PutOptions,
  type StoredSecrets,
  type Vault,
  type VaultCondition,
} from './vault.ts'

export interface Kv2VaultOptions extends VaultClientOptions {
  /** Where the key-value engine (version 2) is mounted. Default `secret`. */
  readonly mount?: string
  /** Prefix of all paths, so that several services can share a mount. Default `reactor-connect`. */
  readonly prefix?: string
}

const keptSchema = z.object({
  data: z.object({
    data: z.record(z.string(), z.json()).nullable(),
    metadata: z.object({ version: z.int() }),
  }),
})
const writtenSchema = z.object({ data: z.object({ version: z.int() }) })
const mountSchema = z.object({
  data: z.object({ options: z.object({ version: z.string() }).nullish() }),
})
const capabilitiesSchema = z.object({ data: z.object({ capabilities: z.array(z.string()) }) })

/**
 * HashiCorp Vault or OpenBao, key-value engine version 2. A renewable token is kept alive. Opening it sends
 * no request: call `check`. Vault stores as many old versions of a path as the mount allows (10); `delete`
 * removes them all.
 */
export function openKv2Vault(options: Kv2VaultOptions): Kv2Vault {
  return new Kv2Vault(options)
}

export class Kv2Vault implements Vault {
  readonly #client: VaultClient
  readonly #mount: string
  readonly #prefix: string
  readonly #closing = new AbortController()
  readonly #tokenKept: Promise<void>

  constructor(options: Kv2VaultOptions) {
    this.#client = new VaultClient(options)
    this.#mount = checkPath(options.mount ?? 'secret')
    this.#prefix = checkPath(options.prefix ?? 'reactor-connect')
    const { logger, token } = options
    const { signal } = this.#closing
    const lookMs = typeof token === 'string' ? undefined : token.lookMs
    this.#tokenKept = renewToken(this.#client, { logger, signal, lookMs })
  }

  async get(path: string): Promise<StoredSecrets | null> {
    const stored = await this.#read(path)
    if (stored === null) return null
    return stored.secrets === null ? null : { secrets: stored.secrets, version: stored.version }
  }

  async put(path: string, secrets: JsonObject, { ifVersion }: PutOptions = {}): Promise<number> {
    secretsText(path, secrets)
    // Everything that Vault returns is whole, so there is nothing unusable to replace.
    if (ifVersion === 'unusable') throw secretsError('vault_conflict', path)
    const version = await this.#write(path, secrets, ifVersion)
    if (version !== null) return version
    // Someone deleted the newest version manually, without its history: Vault then expects the number of that
    // version.
    const stored = ifVersion === 0 ? await this.#read(path) : null
    if (stored?.secrets === null) {
      const after = await this.#write(path, secrets, stored.version)
      if (after !== null) return after
    }
    throw secretsError('vault_conflict', path)
  }

  async delete(path: string): Promise<void> {
    const operation = `delete ${path}`
    const apiPath = this.#path('metadata', path)
    const answer = await this.#client.send({ method: 'DELETE', path: apiPath, operation })
    if (answer.status === 204 || (answer.status === 404 && answer.errors.length === 0)) return
    throw this.#client.refused(operation, answer)
  }

  async check(): Promise<VaultCondition> {
    const operation = `use the mount ${this.#mount}`
    const mount = await this.#client.send({
      method: 'GET',
      path: `sys/internal/ui/mounts/${this.#mount}`,
      operation,
    })
    const parsed = mountSchema.safeParse(mount.body)
    if (!parsed.success) throw this.#client.refused(operation, mount)
    if (parsed.data.data.options?.version !== '2') throw this.#notVersion2(operation)
    await this.#checkCapabilities(this.#path('data', 'instances/x'), ['create', 'read', 'update'])
    await this.#checkCapabilities(this.#path('metadata', 'instances/x'), ['delete'])
    return { unusable: 0 }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#tokenKept
  }

  async #read(path: string): Promise<{ secrets: JsonObject | null; version: number } | null> {
    const operation = `read ${path}`
    const apiPath = this.#path('data', path)
    const answer = await this.#client.send({ method: 'GET', path: apiPath, operation })
    const parsed = keptSchema.safeParse(answer.body)
    if (parsed.success) {
      return { secrets: parsed.data.data.data, version: parsed.data.data.metadata.version }
    }
    // A missing mount responds with 404 as well, but has errors in the body.
    if (answer.status === 404 && answer.errors.length === 0) return null
    throw this.#client.refused(operation, answer)
  }

  /** The new version; null if `cas` is not the present version. */
  async #write(path: string, data: JsonObject, cas: number | undefined): Promise<number | null> {
    const operation = `write ${path}`
    const body = { ...(cas !== undefined && { options: { cas } }), data }
    const apiPath = this.#path('data', path)
    const answer = await this.#client.send({ method: 'POST', path: apiPath, body, operation })
    if (answer.status === 400 && isLostRace(answer)) return null
    if (answer.status === 204) throw this.#notVersion2(operation)
    const parsed = writtenSchema.safeParse(answer.body)
    if (!parsed.success) throw this.#client.refused(operation, answer)
    return parsed.data.data.version
  }

  async #checkCapabilities(path: string, needed: readonly string[]): Promise<void> {
    const operation = 'look up the rights of the token'
    const answer = await this.#client.send({
      method: 'POST',
      path: 'sys/capabilities-self',
      body: { paths: [path] },
      operation,
    })
    const parsed = capabilitiesSchema.safeParse(answer.body)
    if (!parsed.success) throw this.#client.refused(operation, answer)
    const { capabilities } = parsed.data.data
    const missing = needed.filter((each) => !capabilities.includes(each))
    if (missing.length === 0 || capabilities.includes('root')) return
    throw this.#client.unfitError(`use ${path}`, `the token has no right to ${missing.join(', ')}`)
  }

  #notVersion2(operation: string): ConnectError {
    return this.#client.unfitError(operation, `${this.#mount} is not a KV engine of version 2`)
  }

  #path(kind: 'data' | 'metadata', path: string): string {
    return `${this.#mount}/${kind}/${this.#prefix}/${checkPath(path)}`
  }
}

function isLostRace({ errors }: VaultResponse): boolean {
  return errors.some((error) => error.includes('check-and-set parameter did not match'))
}
