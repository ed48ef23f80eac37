/** The state of the service as a whole, for its metrics. */
export interface StoreStatus {
  /** Active connections. */
  readonly connections: readonly ConnectionStatus[]
  /** Due runs in the queue: they wait for a process with a free slot. */
  readonly queuedRuns: number
  /** How long the oldest of them has waited. */
  readonly oldestQueuedSeconds: number
  /** Schedules that the service fires itself, and that have been due for a minute or more. */
  readonly overdueSchedules: number
  readonly webhooks: WebhookStatus
}

/** Events of webhooks on their way to targets; an event counts once for each target. */
export interface WebhookStatus {
  /** Not settled: waiting, or on their way. */
  readonly waiting: number
  /** How long ago the oldest of them was received. */
  readonly oldestWaitingSeconds: number
  /** Given up, and neither replayed nor discarded. */
  readonly dead: number
  /** Targets to which nothing is sent for a time, because they do not work. */
  readonly interruptedTargets: number
}

export interface ConnectionStatus {
  readonly connection: string
  /** When its last complete run ended, in seconds since 1970; 0: no run is complete. */
  readonly lastSuccessSeconds: number
  /** Its last run failed, is partial, or is being tried again after an attempt that moved nothing. */
  readonly isFailing: boolean
}
