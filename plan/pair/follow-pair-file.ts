import { setTimeout as sleep } from 'node:timers/promises'
import { followPair } from '../../engine/two-way/follow-pair.ts'
import { syncPair, type PairReport } from '../../engine/two-way/sync-pair.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { LoadedPairFile } from '../pair-file/load-pair-file.ts'
import { openPairFile, storedLinks, type PairPorts } from './open-pair-file.ts'
import { checkBegin } from './run-pair.ts'

export interface FollowPorts extends PairPorts {
  /** Called after each round. */
  readonly onRound: (report: PairReport) => Promise<void>
}

/** Between two attempts to reach a side that was lost: doubled each time. */
const waits = { firstMs: 1_000, mostMs: 60_000 }

/**
 * Keeps a pair the same until it is stopped. A side that is lost is tried again without end, with a note; an
 * error that does not pass ends it, and so does any error before the first round.
 * @param token as for one round; it allows what the first round does
 */
export async function followPairFile(
  file: LoadedPairFile,
  { token }: { readonly token: string | undefined },
  ports: FollowPorts,
): Promise<void> {
  const { signal, note } = ports
  const progress = { rounds: 0, waitMs: waits.firstMs }
  const onRound = async (report: PairReport): Promise<void> => {
    progress.rounds += 1
    progress.waitMs = waits.firstMs
    await ports.onRound(report)
  }
  const isStopped = (): boolean => signal.aborted
  while (!isStopped()) {
    try {
      await followOnce(
        file,
        { token: progress.rounds > 0 ? undefined : token },
        { ...ports, onRound },
      )
    } catch (thrown) {
      const error = ConnectError.from(thrown)
      if (isStopped()) {
        // Its requests end with it. The first round of the next run finds what was left.
        note(`stopped within a round: ${error.message}`)
        return
      }
      if (progress.rounds === 0 || !passes(error)) throw error
      const { waitMs } = progress
      note(`${error.message}; trying again in ${String(waitMs / 1_000)} s`)
      // The loop sees that it was stopped.
      await sleep(waitMs, undefined, { signal }).catch(() => undefined)
      progress.waitMs = Math.min(2 * waitMs, waits.mostMs)
    }
  }
}

async function followOnce(
  file: LoadedPairFile,
  { token }: { readonly token: string | undefined },
  ports: FollowPorts,
): Promise<void> {
  const { a, b } = file.sides
  await using open = await openPairFile(file, ports)
  await checkBegin(token, open)
  const context = open.context(await storedLinks(open))
  if (token !== undefined) {
    const options = { ...context.options, allowsDeletes: true }
    await ports.onRound(await syncPair({ ...context, options }, { finds: 'sweep' }))
  }
  await followPair(context, {
    sweepMs: file.sweepMs,
    pollMs: { a: a.pollMs, b: b.pollMs },
    onRound: ports.onRound,
  })
}

/** A server that restarts, or has no connection to give, says so with an error of its own. */
function passes({ retryable, details }: ConnectError): boolean {
  const { sqlstate } = details
  return retryable || (typeof sqlstate === 'string' && /^(?:57P|53|08)/.test(sqlstate))
}
