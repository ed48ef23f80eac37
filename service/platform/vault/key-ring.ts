import { join } from 'node:path'
import { z } from 'zod'
import { ConnectError } from '../../../protocol/index.ts'
import { errorCodeOf } from '../../../lib/files/error-code.ts'
import { readRegularFile } from '../../../lib/files/read-regular-file.ts'
import { replaceFile } from '../../../lib/files/replace-file.ts'
import { newVaultKey, vaultKey, type VaultKey } from './sealed-secrets.ts'

/**
 * The keys of a folder of secrets: the key for new files, and every key that a file may still be encrypted
 * with.
 */
export interface KeyRing {
  readonly current: VaultKey
  readonly all: ReadonlyMap<string, VaultKey>
  /**
   * Names of files that could not be used when the vault was last opened or its key rotated. They may name a
   * key that is forgotten by now: for them alone that is no sign of a wrong key.
   */
  readonly damaged: ReadonlySet<string>
  /**
   * Ids of keys of the settings that files may still be encrypted with: a change of the key has begun, and
   * not ended.
   */
  readonly changingFrom: ReadonlySet<string>
}

/** Keys that the operator set: they are never written to disk. */
export interface ConfiguredKeys {
  readonly key?: VaultKey
  /** The previous `key`: files are encrypted with the new one when the vault is opened. */
  readonly previousKey?: VaultKey
}

/**
 * `vault.json`: which key is current, and the generated keys. During a rotation it contains the old key and
 * the new one; the old one is removed once no file needs it, so that every file stays readable after a crash
 * at any time. A file that cannot be read may need it.
 */
const keyFileSchema = z.strictObject({
  format: z.literal(1),
  current: z.string(),
  keys: z.record(z.string(), z.base64()),
  damaged: z.array(z.string()).optional(),
  changing_from: z.array(z.string()).optional(),
})
type KeyFile = z.infer<typeof keyFileSchema>

/** The ring on disk; null in a folder without one. Throws `vault_key_wrong`. */
export async function readKeyRing(folder: string, keys: ConfiguredKeys): Promise<KeyRing | null> {
  const file = await readKeyFile(folder, keys)
  if (file === null) return null
  const all = new Map<string, VaultKey>()
  for (const [id, text] of Object.entries(file.keys)) {
    const key = vaultKey(Buffer.from(text, 'base64'))
    if (key.id !== id) throw damagedKeyFile(folder, keys)
    all.set(id, key)
  }
  for (const key of [keys.key, keys.previousKey]) if (key !== undefined) all.set(key.id, key)
  const current = all.get(file.current)
  if (current === undefined) throw missingKey(folder, file, keys)
  const { damaged, changing_from: changingFrom } = file
  return { current, all, damaged: new Set(damaged), changingFrom: new Set(changingFrom) }
}

function missingKey(
  folder: string,
  { current, keys: own }: KeyFile,
  keys: ConfiguredKeys,
): ConnectError {
  const key = `its key (id ${current})`
  if (hasKeys(keys)) return wrongKeyError(folder, `${key} is not the one in the settings`, setKey)
  const reason = `${key} is not in ${keyFileName}, and the settings have none`
  const isOfSettings = Object.keys(own).length === 0
  return wrongKeyError(folder, reason, isOfSettings ? setKey : `${restoreKeyFile} ${setKey}`)
}

function hasKeys({ key, previousKey }: ConfiguredKeys): boolean {
  return key !== undefined || previousKey !== undefined
}

/**
 * The key for encrypting new files: the configured one, else the one in the folder, else a new one (if the
 * configured key was removed: only `previousKey` opens the files).
 */
export function chooseKey(ring: KeyRing | null, keys: ConfiguredKeys): VaultKey {
  if (keys.key !== undefined) return keys.key
  if (ring !== null && ring.current.id !== keys.previousKey?.id) return ring.current
  return newVaultKey()
}

/** Durable when it resolves. */
export function writeKeyRing(folder: string, ring: KeyRing, keys: ConfiguredKeys): Promise<void> {
  const ownKeys = [...ring.all.values()].filter(
    ({ id }) => id !== keys.key?.id && id !== keys.previousKey?.id,
  )
  const file: KeyFile = {
    format: 1,
    current: ring.current.id,
    keys: Object.fromEntries(ownKeys.map(({ id, bytes }) => [id, bytes.toString('base64')])),
    ...(ring.damaged.size > 0 && { damaged: [...ring.damaged] }),
    ...(ring.changingFrom.size > 0 && { changing_from: [...ring.changingFrom] }),
  }
  return replaceFile(join(folder, keyFileName), `${JSON.stringify(file, null, 2)}\n`)
}

export const keyFileName = 'vault.json'

const restoreKeyFile = `Put \`${keyFileName}\` back from a backup of the folder that was made after the last change of its key.`
const setKey =
  'If you gave the folder a key of your own, set REACTOR_CONNECT_VAULT_KEY to it, and while you change it REACTOR_CONNECT_VAULT_PREVIOUS_KEY to the one of before.'

/** `fix`: without one, the key of the settings is to be set, or the key file to be restored. */
export function wrongKeyError(
  folder: string,
  reason: string,
  fix = `${setKey} ${restoreKeyFile}`,
): ConnectError {
  return new ConnectError('vault_key_wrong', { details: { folder, reason, fix } })
}

export function missingKeyFile(folder: string): ConnectError {
  const reason = `its key file ${keyFileName} is missing, put it back from a backup`
  return wrongKeyError(folder, reason, restoreKeyFile)
}

/** Something else has its name. */
function strangeKeyFile(folder: string, code: 'EISDIR' | 'ENXIO'): ConnectError {
  const what = code === 'EISDIR' ? 'a folder' : 'something that is not a file (a FIFO or a socket)'
  const reason = `${what} is in the place of its key file ${keyFileName}`
  const fix = `Move \`${join(folder, keyFileName)}\` out of the way. ${restoreKeyFile}`
  return wrongKeyError(folder, reason, fix)
}

function damagedKeyFile(folder: string, keys: ConfiguredKeys): ConnectError {
  const fix = hasKeys(keys)
    ? `${restoreKeyFile} The key of the settings opens the files without it too: then delete \`${keyFileName}\`.`
    : restoreKeyFile
  return wrongKeyError(folder, `its key file ${keyFileName} is damaged`, fix)
}

/** `vault_key_wrong` for files under keys that are not here. */
export function foreignKeyError(
  folder: string,
  reason: string,
  { keys, isChanging }: { readonly keys: ConfiguredKeys; readonly isChanging: boolean },
): ConnectError {
  if (isChanging) {
    const fix =
      'Start once more with REACTOR_CONNECT_VAULT_PREVIOUS_KEY set to the key of before: the change of the key was cut off.'
    return wrongKeyError(folder, reason, fix)
  }
  return wrongKeyError(folder, reason, hasKeys(keys) ? setKey : restoreKeyFile)
}

async function readKeyFile(folder: string, keys: ConfiguredKeys): Promise<KeyFile | null> {
  let text: string
  try {
    text = (await readRegularFile(join(folder, keyFileName))).bytes.toString('utf8')
  } catch (error) {
    const code = errorCodeOf(error)
    if (code === 'ENOENT') return null
    if (code === 'EISDIR' || code === 'ENXIO') throw strangeKeyFile(folder, code)
    throw error
  }
  const parsed = keyFileSchema.safeParse(parseJson(text))
  if (!parsed.success) throw damagedKeyFile(folder, keys)
  return parsed.data
}

/** Undefined if it is not JSON; the error of the parser would quote the keys. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
