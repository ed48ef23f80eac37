import type { RunResult } from '../../engine/run-types.ts'
import type { ConnectError, ErrorBody } from '../../protocol/index.ts'
import type { RunStatus, RunStream } from '../runs/schema.ts'
import { retryDelayMs, type RetryPolicy } from './retry-policy.ts'

/** Why an attempt should end early. `upgrade`: the tables of the service are those of a newer version. */
export type StopReason = 'cancel' | 'shutdown' | 'upgrade' | 'lost'

/** The result of the engine's part of an attempt. */
export type Ending = { readonly result: RunResult } | { readonly thrown: ConnectError }

export interface AttemptEnd {
  readonly ending: Ending
  /** All streams of the run, in their present state. */
  readonly streams: readonly RunStream[]
  readonly reason: StopReason | undefined
  /** Attempts in a row before this one that moved no checkpoint. */
  readonly fruitlessBefore: number
  /**
   * The pause before the next attempt if a newer version has migrated the destination; undefined: no process
   * of that version took the run in time.
   */
  readonly leaveMs: number | undefined
}

export type Outcome =
  | { readonly kind: 'lost' }
  | { readonly kind: 'end'; readonly status: EndStatus; readonly error: ErrorBody | null }
  | {
      readonly kind: 'again'
      readonly error: ErrorBody | null
      readonly progressed: boolean
      readonly delayMs: number
    }
type EndStatus = Exclude<RunStatus, 'queued' | 'running'>

/** Decides what happens to the run. Pure except for `random` (0 to 1). */
export function outcomeOf(end: AttemptEnd, retries: RetryPolicy, random: number): Outcome {
  const { ending, streams, reason } = end
  if (reason === 'lost') return { kind: 'lost' }
  if (isDone(ending, streams)) {
    const status = streams.some(({ rejected }) => rejected > 0) ? 'partial' : 'complete'
    return { kind: 'end', status, error: null }
  }
  if (reason === 'cancel') return { kind: 'end', status: 'cancelled', error: null }
  if (reason === 'shutdown' || reason === 'upgrade')
    return { kind: 'again', error: null, progressed: true, delayMs: 0 }
  const errors = errorsOf(ending)
  const newer = errors.find(isNewerDestination)
  if (newer !== undefined && end.leaveMs !== undefined)
    return { kind: 'again', error: newer, progressed: true, delayMs: end.leaveMs }
  const progressed = 'result' in ending && ending.result.streams.some((stream) => stream.progressed)
  const failed = { errors, progressed, fruitlessBefore: end.fruitlessBefore }
  const delayMs = retryDelayMs(failed, retries, random)
  const error = errors[0] ?? null
  if (delayMs === undefined) return { kind: 'end', status: statusOf(streams), error }
  return { kind: 'again', error, progressed, delayMs }
}

/** Every stream was read to its end, though perhaps without some records. */
function isDone(ending: Ending, streams: readonly RunStream[]): boolean {
  if (!('result' in ending)) return false
  const { status } = ending.result
  const ended = status === 'complete' || status === 'partial'
  return ended && streams.every((stream) => stream.status === 'complete')
}

function statusOf(streams: readonly RunStream[]): 'partial' | 'failed' {
  return streams.some(({ status }) => status === 'complete') ? 'partial' : 'failed'
}

/** Permanent for this version, and no obstacle for the one that migrated the destination. */
export function isNewerDestination({ code }: Pick<ErrorBody, 'code'>): boolean {
  return code === 'destination_bookkeeping_newer'
}

export function errorsOf(ending: Ending): readonly ErrorBody[] {
  if ('thrown' in ending) return [ending.thrown.toJSON()]
  return ending.result.streams.flatMap(({ error }) => error ?? [])
}
