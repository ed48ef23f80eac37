import { ConnectError, type JsonObject } from '../../../protocol/index.ts'

/**
 * Where secrets are kept: read this first. Each path holds one JSON object, and a version that every change
 * increases. The two implementations (`file-vault.ts`, `kv2-vault.ts`) pass one suite.
 *
 * Any method throws `vault_unreachable` (worth a retry) or `vault_refused`, `put` also `vault_too_large`; no
 * error holds a secret. `get`, and `put` with a version, throw `vault_corrupt` or `vault_file_unreadable` if
 * this one entry cannot be used (`isUnusable`). Several processes may use the same vault at the same time.
 */
export interface Vault extends AsyncDisposable {
  /**
   * Null if nothing is stored. Never an older state than a `put` that has resolved before, in any process.
   */
  get(path: string): Promise<StoredSecrets | null>
  /**
   * Replaces the object at the path and returns its new version. Durable when it resolves; when it throws,
   * either nothing changed, or (only for `vault_unreachable`) it may have: read again.
   *
   * `ifVersion` is a condition. If it does not hold, `put` throws `vault_conflict` and changes nothing. A
   * number: it is the present version; 0: nothing is stored. `unusable`: `get` throws an error that
   * `isUnusable` knows. Use a number for read, change and write, so that a token that was refreshed in the
   * meantime is not overwritten.
   */
  put(path: string, secrets: JsonObject, options?: PutOptions): Promise<number>
  /**
   * Deletes the path with all of its history; deleting a path that does not exist is not an error. Durable
   * when it resolves. Versions then start again.
   */
  delete(path: string): Promise<void>
  /** Resolves if secrets can be read and written: for readiness and `doctor`. */
  check(): Promise<VaultCondition>
}

export interface PutOptions {
  readonly ifVersion?: number | 'unusable'
}

export interface VaultCondition {
  /** How many of the entries are damaged or cannot be read, as far as that was noticed. */
  readonly unusable: number
}

/** Whether the vault works, but the secrets at this path are damaged or cannot be read. */
export function isUnusable(error: unknown): error is ConnectError {
  if (!(error instanceof ConnectError)) return false
  return error.code === 'vault_corrupt' || error.code === 'vault_file_unreadable'
}

export interface StoredSecrets {
  readonly secrets: JsonObject
  /** 1 or more. */
  readonly version: number
}

/**
 * The path of an instance's secrets. They are an object from JSON pointer to value: see
 * `platform/secrets/secret-fields.ts`.
 */
export function instancePath(instanceId: string): string {
  return `instances/${instanceId}`
}

/**
 * Where the secrets of receivers of webhooks are: `receiverPath` of service/webhooks/receivers/contract.ts.
 */
export const receiversFolder = 'receivers/'

/** Where the whole addresses of their `url:` targets are: service/webhooks/receivers/target-addresses.ts. */
export const targetsFolder = 'receiver-targets/'

/** Bigger secrets are a mistake, and some storages behind a Vault stop at 512 KiB. */
const maxSecretsBytes = 256 * 1024

/** The JSON text of one path. Throws `vault_too_large`. */
export function secretsText(path: string, secrets: JsonObject): string {
  const text = JSON.stringify(secrets)
  if (Buffer.byteLength(text) <= maxSecretsBytes) return text
  throw secretsError('vault_too_large', path, { limit: maxSecretsBytes })
}

/** An error about the secrets at one path. */
export function secretsError(
  code: 'vault_conflict' | 'vault_corrupt' | 'vault_file_unreadable' | 'vault_too_large',
  path: string,
  details: JsonObject = {},
): ConnectError {
  const facts = { path, place: `at ${path}`, renew: renewalOf(path) }
  return new ConnectError(code, { details: { ...facts, ...details } })
}

function renewalOf(path: string): string {
  if (path.startsWith(instancePath('')))
    return 'set all credentials of the instance again: `reactor connect instances credentials NAME`'
  if (path.startsWith(receiversFolder))
    return 'set the secret of the receiver again: `reactor connect receivers secret NAME`'
  if (path.startsWith(targetsFolder))
    return 'give the targets of the receiver again, whole: `reactor connect receivers update NAME --dispatch …`'
  return 'delete it and restart the service, which makes another key of its own'
}

/**
 * Segments of letters, digits, `_` and `-`: nothing that a file system or a URL interprets. Throws a
 * TypeError.
 */
export function checkPath(path: string): string {
  if (path.length <= 200 && /^[\w-]+(?:\/[\w-]+)*$/.test(path)) return path
  throw new TypeError('A path of the vault is made of letters, digits, "_", "-" and "/".')
}
