import { ConnectError } from '../../protocol/index.ts'
import type { PostgresAddress } from '../../postgres/address.ts'
import { type InstanceConfig, standardChoices } from '../../sinks/instance/instance-place.ts'
import type { ResolvedConfig } from '../execution/resolved-config.ts'
import type { Connection } from './schema.ts'

/** A destination that is an instance needs these beside its connection. */
export interface InstancePlaces {
  /** Throws `instance_not_found`, and what is missing of its configuration. */
  readonly resolveConfig: (name: string) => Promise<ResolvedConfig>
  readonly allowedNetworks: readonly string[]
  /** The database of the bookkeeping; undefined: the settings name none. */
  readonly store: () => Promise<PostgresAddress | undefined>
}

/**
 * The instance that records are written into. Throws `destination_invalid`, `destination_not_available` and
 * what resolving the instance throws.
 */
export async function instanceDestination(
  { destination, options }: Pick<Connection, 'destination' | 'options'>,
  { resolveConfig, allowedNetworks, store: findStore }: InstancePlaces,
): Promise<InstanceConfig> {
  const instance = destination.slice('instance:'.length)
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(instance))
    throw new ConnectError('destination_invalid', {
      details: { destination, problem: 'a name of an instance is letters, digits, `-` and `_`' },
    })
  const store = await findStore()
  if (store === undefined)
    throw new ConnectError('destination_not_available', {
      details: {
        destination,
        reason:
          'the settings name no database for the values that were sent, which are the customer’s data',
        fix: 'Set `REACTOR_CONNECT_DATA_URL` or `REACTOR_CONNECT_DATA_DATABASE_URL`.',
      },
    })
  const { type: connector, config, secrets } = await resolveConfig(instance)
  const { writes = [], writeDeletes, writeMode } = options
  return {
    type: 'instance',
    instance,
    connector,
    config,
    secrets,
    allowedNetworks,
    store,
    rules: writes,
    options: {
      deletes: writeDeletes ?? standardChoices.deletes,
      mode: writeMode ?? standardChoices.mode,
    },
  }
}
