import type { Schedule } from '../platform/jobs/schedule.ts'

/**
 * The schedules that the Jobs service at a place (its address) has confirmed. The ones that it should have follow from the active
 * connections. The difference still has to be sent, so no change of a connection is lost.
 */
export interface SchedulesAtJobsStore {
  /** The schedules that have to be sent to the Jobs service at `place`; least recently tried first. */
  findUnsent(place: string, limit: number): Promise<readonly UnsentSchedule[]>
  /** How many are to be sent. */
  countUnsent(place: string): Promise<number>
  /** Call it before a schedule is sent: from then on, it is not known which one Jobs has. */
  begin(place: string, connectionId: string): Promise<void>
  /** Jobs has it now; null: Jobs has deleted it. */
  confirm(place: string, sent: UnsentSchedule): Promise<void>
  /** It is no longer known what the Jobs service at `place` has: everything has to be sent again. */
  sendAllAgain(place: string): Promise<void>
  /** Forgets the schedules of Jobs services at other places (null: at any place), and returns how many stay there. */
  forgetOthers(
    place: string | null,
  ): Promise<readonly { readonly place: string; readonly schedules: number }[]>
}

export interface UnsentSchedule {
  readonly connectionId: string
  /** Null: it has to be deleted at Jobs. */
  readonly schedule: Schedule | null
}
