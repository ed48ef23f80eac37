import {
  type AddressedConnection,
  type ConnectionForm,
  invalidDestination,
  notAvailable,
  type PlaceRequest,
} from '../connection-form.ts'
import { type InstanceConfig, standardChoices } from './instance-place.ts'

export const instanceAddressForm: ConnectionForm<InstanceConfig> = {
  addresses: ['instance:NAME'],
  find: (connection, { places }) => findInstance(connection, places.instances),
}

/** Also throws what is missing of the instance's configuration. */
async function findInstance(
  { destination, options }: AddressedConnection,
  { resolveConfig, allowedNetworks, store: findStore }: PlaceRequest['places']['instances'],
): Promise<InstanceConfig> {
  const instance = destination.slice('instance:'.length)
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(instance))
    throw invalidDestination(
      destination,
      'a name of an instance is letters, digits, `-` and `_`, at most 64',
    )
  const store = await findStore()
  if (store === undefined)
    throw notAvailable(
      destination,
      'the settings name no database for the values that were sent, which are the customer’s data',
      'Set `REACTOR_CONNECT_DATA_URL` or `REACTOR_CONNECT_DATA_DATABASE_URL`.',
    )
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
