import { ConnectError } from '../../protocol/index.ts'
import { kindAt, optionsOfKinds } from '../../sinks/registry.ts'
import type { Connection } from './schema.ts'

type DestinationChoice = Pick<Connection, 'destination' | 'options'>

/** Throws `destination_option_unsupported` if options of another kind of destination are given. */
export function refuseForeignOptions({ destination, options }: DestinationChoice): void {
  const own = kindAt(destination)?.options ?? []
  const given = Object.keys(options)
  const option = optionsOfKinds().find((name) => given.includes(name) && !own.includes(name))
  if (option === undefined) return
  throw new ConnectError('destination_option_unsupported', { details: { option, destination } })
}

/** Throws `destination_option_unsupported` if names of tables are given for a destination without tables. */
export function refuseTableOptions({
  destination,
  options,
  streams,
}: DestinationChoice & Pick<Connection, 'streams'>): void {
  if (kindAt(destination)?.capabilities.tables !== false) return
  const isNamed = options.table !== undefined || streams?.some(({ table }) => table !== undefined)
  if (isNamed !== true) return
  throw new ConnectError('destination_option_unsupported', {
    details: { option: 'table', destination },
  })
}
