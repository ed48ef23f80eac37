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

/** Completes the state that the last process left in the folder, however it ended, and returns the valid keys. Requires the lock. */
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
 * Encrypts files that have an older key with the current one, then removes the older keys. The key file already says which one is current
 * and contains them all: if it is interrupted, it starts over. Requires the lock.
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
  // No key opens a damaged file: it stays as it is, and reading it fails.
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
