import { findPackageJSON } from 'node:module'
import { dirname } from 'node:path'

/**
 * The folder of the package that a module is in, as a checkout or as npm installed it. Undefined if it was
 * taken out of its package.
 */
export function packageFolder(moduleUrl: string): string | undefined {
  const path = findPackageJSON('.', moduleUrl)
  return path === undefined ? undefined : dirname(path)
}
