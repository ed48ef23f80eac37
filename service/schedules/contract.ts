import type { Schedule } from '../platform/jobs/schedule.ts'

/**
 * The schedules that the Jobs service at a place (its address) has confirmed. The ones that it should have
 * follow from the active connections. The difference still has to be sent, so no change of a connection is
 * lost.
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
  /**
   * Forgets the schedules of Jobs services at other places (null: at any place), and returns how many stay
   * there.
   */
  forgetOthers(
    place: string | null,
  ): Promise<readonly { readonly place: string; readonly schedules: number }[]>
}

export interface UnsentSchedule {
  readonly connectionId: string
  /** Null: it has to be deleted at Jobs. */
  readonly schedule: Schedule | null
}

/** The times of schedules that this service fires itself. Any number of schedulers may call this at once. */
export interface DueTimesStore {
  /**
   * Records that a scheduler looks for due times now: call it before each `fire`. Returns `missedBeforeMs`
   * (epoch ms, by the clock of the database): due times before it passed more than `lateMs` ago while no
   * scheduler looked. It never decreases.
   */
  look(lateMs: number): Promise<number>
  /**
   * Claims up to `limit` due times that no other scheduler is firing now, longest overdue first, and acts on
   * all of them in one transaction: each moves to its next time, and has a run queued (unless one of the
   * connection is queued or running) or is skipped. A scheduler that dies in between has done nothing.
   */
  fire(request: FireRequest): Promise<readonly FiredTime[]>
}

export interface FireRequest {
  readonly limit: number
  /** Ids of connections: no others are fired. Default: all that are due. */
  readonly only?: readonly string[]
  /** Called while the connections are locked: it must not wait for anything. Null: nothing changes. */
  readonly decide: (due: DueTime) => TimeDecision | null
}

export interface DueTime {
  /** Id of the connection. */
  readonly id: string
  /** Name of the connection. */
  readonly name: string
  readonly schedule: Schedule | null
  /** The time that is due: `nextRunAt` of the connection. */
  readonly time: string
  /** A receiver wants its events to take the place of scheduled runs (`relaxed-polling.ts`). */
  readonly hasSweeps: boolean
  /**
   * The time by the clock of the database, which decided that it is due: the clock of this process may
   * differ.
   */
  readonly nowMs: number
}

export interface TimeDecision {
  readonly action: 'run' | 'skip'
  readonly next: string | null
}

/** active: the previous run is still active, none was queued. left: `decide` returned null. */
export type FiredTime =
  | { readonly due: DueTime; readonly outcome: 'queued'; readonly run: string }
  | { readonly due: DueTime; readonly outcome: 'active' | 'skipped' | 'left' }
