import { ConnectError } from '../../protocol/index.ts'
import type { Page } from '../platform/lists.ts'

const maxNamed = 5

/**
 * `readable`: the connections of the instance that the caller may see, perhaps none; null if it has no
 * connections. Its receivers are not named: the caller may not see them.
 */
export function instanceInUse(
  instance: string,
  {
    readable,
    hasReceivers,
  }: {
    readonly readable: Page<{ readonly name: string }> | null
    readonly hasReceivers: boolean
  },
): ConnectError {
  const connections = readable?.items.slice(0, maxNamed).map(({ name }) => name) ?? []
  const users = [
    ...(readable === null ? [] : [usedBy(connections, readable)]),
    ...(hasReceivers ? ['webhook receivers'] : []),
  ]
  const details = { instance, connections, used_by: users.join(', and by ') }
  return new ConnectError('instance_in_use', { details })
}

function usedBy(named: readonly string[], { items, next }: Page<unknown>): string {
  if (named.length === 0) return 'connections'
  const left = items.length - named.length
  const more = `${next === null ? '' : 'at least '}${String(left)} more`
  const names = left > 0 ? `${named.join(', ')} and ${more}` : named.join(', ')
  return `${items.length === 1 ? 'connection' : 'connections'} ${names}`
}
