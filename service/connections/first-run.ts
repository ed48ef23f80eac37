import { nextTime } from '../platform/jobs/cron.ts'
import type { Jobs } from '../platform/jobs/jobs.ts'
import type { Schedule } from '../platform/jobs/schedule.ts'

/**
 * When a schedule begins to fire; null if there is none, or an external Jobs service keeps the schedule.
 * Throws `schedule_invalid`.
 */
export function firstRunAt(
  schedule: Schedule | null,
  { jobs, nowMs }: { readonly jobs: Pick<Jobs, 'firesSchedules'>; readonly nowMs: number },
): string | null {
  const next = schedule && nextTime(schedule, nowMs)
  return jobs.firesSchedules ? null : next
}
