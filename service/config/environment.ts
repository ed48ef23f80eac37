import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The variables of the environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Private or reserved networks that HTTP sources may reach, from `REACTOR_CONNECT_ALLOWED_NETWORKS`: `10.1.0.0/16,127.0.0.1/32`.
 * The operator's word: a configuration cannot say it.
 */
export function allowedNetworksOf(environment: Environment): readonly string[] {
  const networks = environment.REACTOR_CONNECT_ALLOWED_NETWORKS ?? ''
  return networks
    .split(',')
    .map((network) => network.trim())
    .filter((network) => network !== '')
}

/** Where manifests that the user imported are kept, from `REACTOR_CONNECT_CATALOG_DIR`; default: `~/.reactor/connect/manifests`. */
export function catalogFolderOf(environment: Environment): string {
  const folder = environment.REACTOR_CONNECT_CATALOG_DIR ?? ''
  if (folder !== '') return resolve(folder)
  const home = environment.HOME ?? ''
  return join(home === '' ? homedir() : home, '.reactor', 'connect', 'manifests')
}

/** The one place that reads the environment: everything else gets it as an argument. */
export function readEnvironment(): Environment {
  return { ...process.env }
}
