import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The variables of the environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Private or reserved networks that HTTP sources may reach, from `REACTOR_CONNECT_ALLOWED_NETWORKS`:
 * `10.1.0.0/16,127.0.0.1/32`. Only the operator can set them, not a configuration.
 */
export function allowedNetworksOf(environment: Environment): readonly string[] {
  const networks = environment.REACTOR_CONNECT_ALLOWED_NETWORKS ?? ''
  return networks
    .split(',')
    .map((network) => network.trim())
    .filter((network) => network !== '')
}

/**
 * Where the embedded parts store their data, unless a setting names another folder: in `$XDG_DATA_HOME`, else
 * `~/.local/share`, and for root `/var/lib`: the account that PostgreSQL runs under then cannot enter root's
 * home.
 */
export function standardDataFolder(environment: Environment): string {
  const { XDG_DATA_HOME } = environment
  const home = homeOf(environment)
  const standard = rootHomes.includes(home) ? '/var/lib' : join(home, '.local', 'share')
  const data = XDG_DATA_HOME ?? ''
  return join(data === '' ? standard : data, 'reactor-connect')
}

/** Where the command lines of Vault and OpenBao store the token of the last login. */
export function loginTokenFile(environment: Environment): string {
  return join(homeOf(environment), '.vault-token')
}

function homeOf({ HOME }: Environment): string {
  return HOME === undefined || HOME === '' ? homedir() : HOME
}

const rootHomes: readonly string[] = ['/root', '/var/root']

/**
 * Where imported manifests are stored, from `REACTOR_CONNECT_CATALOG_DIR`; default: `catalog` in the data
 * folder (`REACTOR_CONNECT_DATA_DIR`), where the service of this machine looks too.
 */
export function catalogFolderOf(environment: Environment): string {
  const { REACTOR_CONNECT_CATALOG_DIR: own = '', REACTOR_CONNECT_DATA_DIR: data = '' } = environment
  if (own !== '') return resolve(own)
  return join(data === '' ? standardDataFolder(environment) : resolve(data), 'catalog')
}

/** Where Airbyte publishes its connectors, or a mirror of the same form. */
export function airbyteRegistryOf(environment: Environment): string {
  const { REACTOR_CONNECT_AIRBYTE_REGISTRY_URL: own = '' } = environment
  return own === '' ? 'https://connectors.airbyte.com' : own
}

/** Whether external Airbyte connectors may be started, from `REACTOR_CONNECT_AIRBYTE_ENABLED`. */
export function allowsProcesses({
  REACTOR_CONNECT_AIRBYTE_ENABLED: flag = '',
}: Environment): boolean {
  return ['true', '1'].includes(flag.trim().toLowerCase())
}

/** For a configuration that nothing of the environment may fill. */
export const emptyEnvironment: Environment = {}

/** The only place that reads the environment: everything else gets it as an argument. */
export function readEnvironment(): Environment {
  return { ...process.env }
}
