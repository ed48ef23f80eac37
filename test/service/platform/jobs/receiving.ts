import type { RunQueue } from '../../../../service/platform/jobs/jobs.ts'

/** A worker that notes what it gets. */
export interface Receiving extends AsyncDisposable {
  readonly runs: readonly string[]
  /** The most that it worked on at the same time. */
  readonly most: () => number
  /** Works on each run until this is called. */
  readonly release: () => void
}

export function receiving(
  queue: RunQueue,
  { parallel = 5, hold = false }: { readonly parallel?: number; readonly hold?: boolean } = {},
): Receiving {
  const runs: string[] = []
  const stop = new AbortController()
  const held = Promise.withResolvers<undefined>()
  if (!hold) held.resolve(undefined)
  let active = 0
  let most = 0
  const ended = queue.receive({
    parallel,
    signal: stop.signal,
    work: async (run) => {
      runs.push(run)
      active += 1
      most = Math.max(most, active)
      await held.promise
      active -= 1
    },
  })
  return {
    runs,
    most: () => most,
    release: () => {
      held.resolve(undefined)
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      held.resolve(undefined)
      await ended
    },
  }
}
