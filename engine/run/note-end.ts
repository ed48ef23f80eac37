import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectError, type StreamId } from '../../protocol/index.ts'
import type { Destination, RunEnd } from '../../sinks/sink.ts'
import { kindOf } from '../../sinks/registry.ts'
import type { RunResult, StreamResult } from '../run-types.ts'
import type { StopLimit } from './stop-limit.ts'
import type { StreamRunDeps } from './sync-run.ts'

/**
 * The result is out, and a destination that does not respond must hold nothing up: at worst, the next run
 * reports it again.
 */
const limitMs = 10_000
const againMs = 500

const noResponse = `it gave no response within ${String(limitMs / 1000)} seconds`

const unnoted =
  'the destination could not note that this run has ended: the next run of the connection'
const reportedTwice = `${unnoted} will report the counts and warnings of this one once more, as those of an earlier start`
/** A caller that gives keys to runs counts by them. */
const warnedTwice = `${unnoted} may report the warnings of this one once more`

/**
 * The other streams neither began nor ended with their unreported rows. If a stop had to be enforced, a
 * stream that is not complete may have committed more than it reported: the next run reports it.
 */
export function reportedStreams(
  streams: readonly StreamResult[],
  { aborted: isEnforced }: AbortSignal,
): readonly StreamId[] {
  return streams
    .filter(({ before }) => before !== undefined)
    .filter(({ status }) => status === 'complete' || !isEnforced)
    .map(({ stream }) => stream)
}

interface ReportedEnd {
  readonly reported: readonly StreamId[]
  readonly status: RunResult['status']
  /** The limit of the run's own destination, which may have been given up. */
  readonly limit: StopLimit
}

/**
 * If the end cannot be noted, the destination takes the next run for this one's continuation: the streams'
 * own results stand, and the next run reports them again. So a destination that is away for a moment gets
 * some time. Never throws.
 */
export async function noteEnd(
  deps: StreamRunDeps,
  { reported, status, limit }: ReportedEnd,
): Promise<void> {
  const { completed = [], runKey } = deps.plan
  const isStopped = status === 'stopped'
  // The next start under the key reports the whole run.
  if (isStopped && runKey !== undefined) return
  const { start, logger } = deps
  const end: RunEnd = { start, reported, completed, how: isStopped ? 'stopped' : 'ended' }
  const timeout = AbortSignal.timeout(limitMs)
  for (;;) {
    try {
      await endAtDestination(deps, end, { limit, timeout })
      return
    } catch (thrown) {
      const { code, message, retryable } = ConnectError.from(thrown)
      if (!retryable || timeout.aborted) {
        // After the limit, the error of the call only says that it was given up.
        const reason = timeout.aborted ? noResponse : message
        logger.warn({ code, reason }, runKey === undefined ? reportedTwice : warnedTwice)
        return
      }
    }
    await sleep(againMs, undefined, { signal: timeout }).catch(() => undefined)
  }
}

async function endAtDestination(
  { destination, plan, logger }: StreamRunDeps,
  end: RunEnd,
  { limit, timeout }: { readonly limit: StopLimit; readonly timeout: AbortSignal },
): Promise<void> {
  const note = (place: Destination): Promise<void> => place.endRun(plan.connection, end)
  if (!limit.passed.aborted) {
    limit.endWith(timeout)
    await note(destination)
    return
  }
  await using own = await kindOf(plan.destination).open(plan.destination, {
    logger,
    givenUp: timeout,
  })
  await note(own)
}
