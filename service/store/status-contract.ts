/** How the service does as a whole: for its metrics. */
export interface StoreStatus {
  /** Those that are active. */
  readonly connections: readonly ConnectionStatus[]
  /** Runs in the queue whose time has come: they wait for a process with room. */
  readonly queuedRuns: number
  /** How long the first of them waits. */
  readonly oldestQueuedSeconds: number
  /** Schedules that the service fires itself, whose time has passed a minute ago or more. */
  readonly overdueSchedules: number
}

export interface ConnectionStatus {
  readonly connection: string
  /** When its last complete run ended, in seconds since 1970; 0: none of its runs is complete. */
  readonly lastSuccessSeconds: number
  /** Its last run failed, is partial, or is being tried again after an attempt that moved nothing. */
  readonly isFailing: boolean
}
