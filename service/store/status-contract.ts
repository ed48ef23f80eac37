import type { WebhookStatus } from '../webhooks/deliveries/contract.ts'

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
  /**
   * Times of schedules that were skipped, since no scheduler was working, since the service was first
   * installed.
   */
  readonly skippedTimes: number
  readonly webhooks: WebhookStatus
}

export interface ConnectionStatus {
  readonly connection: string
  /** When its last complete run ended, in seconds since 1970; 0: no run is complete. */
  readonly lastSuccessSeconds: number
  /** Its last run failed, is partial, or is being tried again after an attempt that moved nothing. */
  readonly isFailing: boolean
}
