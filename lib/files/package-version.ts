import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'

/** The version of this program; `unknown` if it was taken out of its package. */
export function packageVersion(): string {
  const path = findPackageJSON('.', import.meta.url)
  if (path === undefined) return 'unknown'
  const about: unknown = JSON.parse(readFileSync(path, 'utf8'))
  const isKnown = typeof about === 'object' && about !== null && 'version' in about
  return isKnown ? String(about.version) : 'unknown'
}
