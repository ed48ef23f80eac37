import { foreignKeyError, type ConfiguredKeys, type KeyRing } from './key-ring.ts'
import { isSealedWith, readHeader } from './sealed-secrets.ts'
import { openSealed, readSealed, secretsFiles } from './secrets-file.ts'

/**
 * Throws `vault_key_wrong` when files may be whole, and under a key that is not here. A damaged file does not
 * count: it names one of the keys but does not open, or opens but for the name of its key, or was found
 * damaged before. Nor does one that cannot be read: its key is not known.
 *
 * A few files under such a key come from another vault or from a backup of another time, if at least as many
 * others open: then they alone cannot be used. A change of the key that was cut off looks the same, so the
 * key file names the key of before.
 */
export async function checkKeys(
  folder: string,
  ring: KeyRing,
  keys: ConfiguredKeys,
): Promise<void> {
  const names = await secretsFiles(folder)
  const { foreign, openCount } = await countByKey(folder, names, ring)
  const [first] = foreign
  if (first === undefined) return
  const isChanging = foreign.some(({ keyId }) => ring.changingFrom.has(keyId))
  if (!isChanging && openCount >= foreign.length) return
  const count = `${foreign.length} of ${names.length} ${names.length === 1 ? 'file' : 'files'}`
  const example = `${foreign.length === 1 ? '' : 'such as '}${first.name}, key id ${first.keyId}`
  const reason = `the key of ${count} (${example}) is not here`
  throw foreignKeyError(folder, reason, { keys, isChanging })
}

/** A file that may be whole, and names a key that is not here. */
interface ForeignFile {
  readonly name: string
  readonly keyId: string
}

async function countByKey(
  folder: string,
  names: readonly string[],
  ring: KeyRing,
): Promise<{ readonly foreign: readonly ForeignFile[]; readonly openCount: number }> {
  const foreign: ForeignFile[] = []
  let openCount = 0
  for (const name of names) {
    const file = await readSealed(folder, name)
    const keyId = file.status === 'read' ? readHeader(file.bytes)?.keyId : undefined
    if (file.status !== 'read' || keyId === undefined) continue
    if (openSealed(file, name, ring).status === 'open') openCount += 1
    else if (ring.all.has(keyId) || ring.damaged.has(name)) continue
    else if (keysThatSealed(file.bytes, name, ring).length === 0) foreign.push({ name, keyId })
  }
  return { foreign, openCount }
}

/** Ids of the keys that open a file but for the name of its key. */
export function keysThatSealed(bytes: Buffer, name: string, ring: KeyRing): readonly string[] {
  const keys = [...ring.all.values()].filter((key) => isSealedWith(bytes, name, key))
  return keys.map(({ id }) => id)
}
