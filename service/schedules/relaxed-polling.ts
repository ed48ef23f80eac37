import type { Connection } from '../connections/schema.ts'
import type { Schedule } from '../platform/jobs/schedule.ts'
import { nextTime } from '../platform/jobs/cron.ts'

export interface RelaxedPollingOptions {
  /** See `service/webhooks/dispatch/event-flow.ts`. */
  sweepEvery(about: {
    readonly connection: string
    readonly lastRunAt: string
  }): Promise<number | null>
  /** Whether events keep all streams of the connection up to date. */
  coversAll(connection: Connection): Promise<boolean>
}

/** While events of webhooks load what changes, most scheduled runs would find nothing. */
export class RelaxedPolling {
  readonly #options: RelaxedPollingOptions

  constructor(options: RelaxedPollingOptions) {
    this.#options = options
  }

  /** Whether the run of the scheduled time (epoch ms) is left out. */
  async skips(connection: Connection, timeMs: number): Promise<boolean> {
    const { name, lastRun, schedule } = connection
    if (lastRun?.status !== 'complete' || schedule === null) return false
    const { createdAt: lastRunAt } = lastRun
    const every = await this.#options.sweepEvery({ connection: name, lastRunAt })
    if (every === null) return false
    if (timeMs >= nthTimeAfter(schedule, Date.parse(lastRunAt), every)) return false
    return this.#options.coversAll(connection)
  }
}

function nthTimeAfter(schedule: Schedule, afterMs: number, count: number): number {
  let timeMs = afterMs
  for (let n = 0; n < count; n++) timeMs = Date.parse(nextTime(schedule, timeMs))
  return timeMs
}
