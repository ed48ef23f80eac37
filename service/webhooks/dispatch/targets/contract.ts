import type { ClaimedDispatch } from '../../deliveries/contract.ts'
import type { Target } from '../../receivers/target.ts'

/**
 * Sends events to targets of one kind: read this first. An event may come more than once, also at the same
 * time from two processes after one of them lost its lease: what it leads to must be idempotent by the id of
 * the delivery.
 */
export interface DispatchTarget<Kind extends Target['kind'] = Target['kind']> {
  /**
   * Why nothing can go to the target now; undefined: nothing is known that keeps it from working. Events wait
   * as long as there is a reason.
   */
  problem(target: TargetOf<Kind>): TargetProblem | undefined
  /**
   * Why no event may ever go to the target, whatever is set up: a receiver with it is not made. Absent: there
   * are no such targets.
   */
  refusal?(target: TargetOf<Kind>): TargetProblem | undefined
  /**
   * Why each attempt fails as the service is set up, and what to do; undefined: none is known. Absent: there
   * are no such targets.
   */
  sureFailure?(target: TargetOf<Kind>): string | undefined
  /**
   * Resolves with `done` when the target has the event durably. Does not throw for what the target does;
   * another error is a failed attempt as well. Ends soon after the signal is aborted.
   */
  dispatch(event: DispatchedEvent<Kind>, signal: AbortSignal): Promise<DispatchOutcome>
}

export type TargetOf<Kind extends Target['kind']> = Extract<Target, { readonly kind: Kind }>

export interface DispatchedEvent<Kind extends Target['kind'] = Target['kind']> {
  readonly target: TargetOf<Kind>
  readonly claimed: ClaimedDispatch
}

/** Details of `target_not_available`. */
export interface TargetProblem {
  /** Continues "Events cannot go to job:work: ". */
  readonly reason: string
  /** The next step, as an imperative sentence. */
  readonly fix: string
}

export type DispatchOutcome =
  { readonly outcome: 'done' } | ({ readonly outcome: 'failed' } & DispatchFailure)

export interface DispatchFailure {
  /** For a person; never a secret, and nothing of the event or of a response. */
  readonly reason: string
  /**
   * The target as a whole does not work, such as a server that cannot be reached: after some of these nothing
   * is sent to it for a time.
   */
  readonly isTargetDown?: boolean
  /** The target refuses this event (as an HTTP status of 400 says): it is given up sooner. */
  readonly isRefused?: boolean
  /** Another attempt is pointless. */
  readonly isFinal?: boolean
  /** The target asks for this pause. */
  readonly retryAfterMs?: number
}
