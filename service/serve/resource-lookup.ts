import { ConnectError } from '../../protocol/index.ts'
import type { ResourceLookup } from '../platform/access/access-request.ts'
import type { Service } from '../service.ts'

export function lookupIn(
  service: Pick<Service, 'instances' | 'connections' | 'runs'>,
): ResourceLookup {
  const connection = async (name: string): Promise<{ readonly instance: string } | null> => {
    const stored = await orNull(service.connections.get(name))
    return stored === null ? null : { instance: stored.from }
  }
  return {
    instance: async (name) => {
      const stored = await orNull(service.instances.get(name))
      return stored === null ? null : { type: stored.type }
    },
    connection,
    connectionOfRun: async (id) => {
      const run = await orNull(service.runs.find(id))
      if (run === null) return null
      const facts = await connection(run.connection)
      return facts === null ? null : { name: run.connection, ...facts }
    },
  }
}

const absence: readonly string[] = ['instance_not_found', 'connection_not_found', 'run_not_found']

async function orNull<Result>(lookup: Promise<Result>): Promise<Result | null> {
  try {
    return await lookup
  } catch (error) {
    if (error instanceof ConnectError && absence.includes(error.code)) return null
    throw error
  }
}
