import type { Schedule } from '../platform/jobs/schedule.ts'

/**
 * What the Jobs service at a place (its address) was told of schedules. What it should have follows from the connections: the
 * schedules of those that are active. The difference is what is still to be sent, so no change of a connection gets lost.
 */
export interface SchedulesAtJobsStore {
  /** What is to be sent to the Jobs service at `place`; what was tried longest ago comes first. */
  findUnsent(place: string, limit: number): Promise<readonly UnsentSchedule[]>
  /** How many are to be sent. */
  countUnsent(place: string): Promise<number>
  /** Call it before a schedule is sent: from here on it is not known what Jobs has. */
  begin(place: string, connectionId: string): Promise<void>
  /** Jobs has it now; null: it has deleted it. */
  confirm(place: string, sent: UnsentSchedule): Promise<void>
  /** It is not known any more what the Jobs service at `place` has: everything is to be sent again. */
  sendAllAgain(place: string): Promise<void>
  /** Forgets what Jobs services at other places have (null: at any place), and says how many schedules stay there. */
  forgetOthers(
    place: string | null,
  ): Promise<readonly { readonly place: string; readonly schedules: number }[]>
}

export interface UnsentSchedule {
  readonly connectionId: string
  /** Null: it is to be deleted at Jobs. */
  readonly schedule: Schedule | null
}
