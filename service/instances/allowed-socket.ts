import { resolve } from 'node:path'
import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'

/**
 * Refuses a Unix socket of this machine that the operator has not allowed: a database behind it may recognize
 * the service by the user of its process, and require no password. Throws `instance_config_invalid`.
 */
export function requireAllowedSocket(
  { type, socketFolder }: Pick<ConnectorDescriptor, 'type' | 'socketFolder'>,
  config: JsonObject,
  allowedSockets: readonly string[],
): void {
  const folder = socketFolder?.(config)
  if (folder === undefined) return
  if (allowedSockets.some((allowed) => resolve(allowed) === resolve(folder))) return
  const problem =
    "`/host` is a folder, so it means a Unix socket of the service's machine: name a host, or have the operator of the service add the folder to the setting `allowed_sockets` (`REACTOR_CONNECT_ALLOWED_SOCKETS`)"
  throw new ConnectError('instance_config_invalid', { details: { type, problem } })
}
