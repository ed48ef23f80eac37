import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeyRing } from './key-ring.ts'
import { errorCodeOf } from '../../../lib/files/error-code.ts'
import { replaceFile } from '../../../lib/files/replace-file.ts'
import { readHeader, seal, unseal, type Plain } from './sealed-secrets.ts'
import { checkPath } from './vault.ts'

const suffix = '.secrets'

/** A hash, so that no path is too long for the file system, or differs from another only in case. */
export function fileNameOf(path: string): string {
  return createHash('sha256').update(checkPath(path)).digest('hex') + suffix
}

export async function secretsFiles(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith(suffix))
}

export async function readSealed(folder: string, name: string): Promise<Buffer | null> {
  try {
    return await readFile(join(folder, name))
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return null
    throw error
  }
}

/** Durable when it resolves. Requires the lock. */
export function writeSealed(folder: string, plain: Plain, ring: KeyRing): Promise<void> {
  return replaceFile(join(folder, plain.name), seal(plain, ring.current))
}

/** Undefined: none of the keys opens it. */
export function openSealed(file: Buffer, name: string, ring: KeyRing): Plain | undefined {
  const key = ring.all.get(readHeader(file)?.keyId ?? '')
  return key === undefined ? undefined : unseal(file, name, key)
}
