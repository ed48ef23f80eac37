import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  chooseKey,
  keyFileMissing,
  readKeyRing,
  writeKeyRing,
  wrongKeyError,
  type ConfiguredKeys,
  type KeyRing,
} from './key-ring.ts'
import { draftSuffix } from '../../../lib/files/replace-file.ts'
import { readHeader, unseal } from './sealed-secrets.ts'
import { readSealed, secretsFiles, writeSealed } from './secrets-file.ts'

/** Takes the folder as the last process left it, however that ended, and gives the keys that now hold. Under the lock. */
export async function prepareFolder(folder: string, keys: ConfiguredKeys): Promise<KeyRing> {
  for (const name of await readdir(folder)) {
    if (name.endsWith(draftSuffix)) await rm(join(folder, name), { force: true })
  }
  const ring = await readKeyRing(folder, keys)
  const files = await secretsFiles(folder)
  if (ring === null && keys.key === undefined && files.length > 0) {
    throw wrongKeyError(folder, keyFileMissing)
  }
  const current = chooseKey(ring, keys)
  const all = new Map(ring?.all)
  for (const key of [current, keys.previousKey]) if (key !== undefined) all.set(key.id, key)
  await checkKeys(folder, all)
  if (ring?.current.id !== current.id) await writeKeyRing(folder, { current, all }, keys)
  return finishRotation(folder, { current, all }, keys)
}

/**
 * Encrypts with the current key what is under an older one, then forgets the older ones. The key file already says which is
 * current and holds them all: cut off at any time, this starts over. Under the lock.
 */
export async function finishRotation(
  folder: string,
  ring: KeyRing,
  keys: ConfiguredKeys,
): Promise<KeyRing> {
  if (ring.all.size === 1) return ring
  for (const name of await secretsFiles(folder)) await rewrite(folder, name, ring)
  const finished = { current: ring.current, all: new Map([[ring.current.id, ring.current]]) }
  await writeKeyRing(folder, finished, keys)
  return finished
}

async function rewrite(folder: string, name: string, ring: KeyRing): Promise<void> {
  const file = await readSealed(folder, name)
  const keyId = file === null ? undefined : readHeader(file)?.keyId
  if (file === null || keyId === undefined || keyId === ring.current.id) return
  const key = ring.all.get(keyId)
  const plain = key === undefined ? undefined : unseal(file, name, key)
  // A damaged file opens with no key: it stays as it is, and whoever reads it is told.
  if (plain !== undefined) await writeSealed(folder, plain, ring)
}

async function checkKeys(folder: string, keys: KeyRing['all']): Promise<void> {
  for (const name of await secretsFiles(folder)) {
    const file = await readSealed(folder, name)
    const keyId = file === null ? undefined : readHeader(file)?.keyId
    if (keyId === undefined || keys.has(keyId)) continue
    throw wrongKeyError(folder, `${name} was encrypted with a key that is not here (id ${keyId})`)
  }
}
