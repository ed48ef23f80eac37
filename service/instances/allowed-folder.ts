import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'
import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'

/**
 * Refuses files of this machine that the operator has not allowed: the service may read more than those who
 * configure it. Symbolic links are followed, so that none leads out of an allowed folder. Throws
 * `instance_config_invalid`.
 */
export function requireAllowedFolder(
  { type, localFolder }: Pick<ConnectorDescriptor, 'type' | 'localFolder'>,
  config: JsonObject,
  allowedFolders: readonly string[],
): void {
  const folder = localFolder?.(config)
  if (folder === undefined || allowedFolders.some((allowed) => isIn(folder, allowed))) return
  const problem =
    "`/folder` is on the service's machine: have the operator of the service add it, or a folder above it, to the setting `allowed_folders` (`REACTOR_CONNECT_ALLOWED_FOLDERS`)"
  throw new ConnectError('instance_config_invalid', { details: { type, problem } })
}

function isIn(folder: string, allowed: string): boolean {
  return `${realPath(resolve(folder))}${sep}`.startsWith(`${realPath(resolve(allowed))}${sep}`)
}

/** The part of a path that is there yet, without symbolic links, and the rest as it is. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    const parent = dirname(path)
    if (errorCodeOf(error) !== 'ENOENT' || parent === path) return path
    return join(realPath(parent), basename(path))
  }
}
