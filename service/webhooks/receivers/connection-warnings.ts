import { ConnectError } from '../../../protocol/index.ts'
import type { ConnectionStore } from '../../connections/contract.ts'
import type { Connection } from '../../connections/schema.ts'
import type { ShownFilter } from '../../platform/lists.ts'
import { parseTarget } from './target.ts'

type Connections = Pick<ConnectionStore, 'get'>

/**
 * What keeps events from the connections of `stream:` targets, one sentence each. `shown`: which connections the reader may see (null: all); of
 * the others nothing is told, not even whether they exist.
 */
export async function connectionWarnings(
  targets: readonly string[],
  { connections, shown }: { readonly connections: Connections; readonly shown: ShownFilter | null },
): Promise<readonly string[]> {
  const warnings = targets.map(async (text) => {
    const target = parseTarget(text)
    if (target?.kind !== 'stream') return []
    const name = target.connection
    const stored = await found(connections, name)
    const isSeen = (item: Parameters<ShownFilter>[0]): boolean => shown === null || shown(item)
    const seen = stored !== null && isSeen({ name, from: stored.from }) ? stored : null
    // As a connection that does not exist.
    if (seen === null && !isSeen({ name })) return []
    const problem = seen === null ? missing(name) : inactive(seen)
    return problem === undefined ? [] : [`Events for ${text} wait: ${problem}.`]
  })
  return (await Promise.all(warnings)).flat()
}

function missing(name: string): string {
  return `connection ${name} does not exist. Create it, or choose another target`
}

function inactive({ name, status }: Connection): string | undefined {
  switch (status) {
    case 'active':
      return undefined
    case 'paused':
      return `connection ${name} is paused. Resume it: \`reactor connect connections resume ${name}\``
    case 'inactive':
      return `connection ${name} is inactive. Promote a sandbox of it, or activate it: \`reactor connect connections activate ${name}\``
  }
}

async function found(connections: Connections, name: string): Promise<Connection | null> {
  try {
    return await connections.get(name)
  } catch (error) {
    if (error instanceof ConnectError && error.code === 'connection_not_found') return null
    throw error
  }
}
