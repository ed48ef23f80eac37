import type { Logger } from 'pino'
import type { Connection } from '../connections/schema.ts'
import type { ConnectionStore } from '../connections/contract.ts'
import type { Jobs } from '../platform/jobs/jobs.ts'
import { nextRun } from '../platform/jobs/next-run.ts'

export interface AdoptOptions {
  readonly connections: Pick<ConnectionStore, 'list' | 'moveNextRun'>
  readonly jobs: Pick<Jobs, 'firesSchedules'>
  readonly logger: Logger
}

/**
 * Takes over schedules that were set while somebody else kept the time: what an external Jobs service fired gets its next time,
 * and what it will fire from now on has none here. Done twice it changes nothing.
 */
export async function adoptSchedules(options: AdoptOptions, nowMs: number): Promise<void> {
  const { connections, jobs, logger } = options
  for await (const connection of active(connections)) {
    const { id, schedule, nextRunAt } = connection
    if (schedule === null || jobs.firesSchedules === (nextRunAt === null)) continue
    const to = jobs.firesSchedules ? null : nextRun(connection, nowMs, logger)
    await connections.moveNextRun(id, nextRunAt, to)
  }
}

async function* active(connections: Pick<ConnectionStore, 'list'>): AsyncGenerator<Connection> {
  let cursor: string | null | undefined
  while (cursor !== null) {
    const page = await connections.list({
      status: 'active',
      limit: 200,
      ...(cursor !== undefined && { cursor }),
    })
    yield* page.items
    cursor = page.next
  }
}
