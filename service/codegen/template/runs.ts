import type { CallOptions, CreateOptions } from './options.ts'
import type { Run, RunLogLine, RunLogPage, RunSummary } from './documents.ts'
import { allOf, pause, type Ask } from './requests.ts'

// ---------------------------------------------------------------------------------------------------
// Runs
// ---------------------------------------------------------------------------------------------------

export interface WaitOptions extends CallOptions {
  /** Milliseconds between two polls; default 1000. */
  readonly everyMs?: number
  /** Called with the run at each poll. */
  readonly onLook?: (run: Run) => void
}

export interface LogOptions extends CallOptions {
  /** Only lines whose `seq` is greater. */
  readonly after?: number
  /** Maximum number of lines, up to 1000; default 200. */
  readonly limit?: number
}

export interface FollowOptions extends CallOptions {
  readonly after?: number
  /** Milliseconds between two polls; default 1000. */
  readonly everyMs?: number
}

export interface Runs {
  /** The runs of a connection, newest first. */
  list(
    connection: string,
    options?: CallOptions & { readonly status?: Run['status'] },
  ): AsyncGenerator<RunSummary, void>
  /** Queues a run of the connection. */
  start(connection: string, options?: CreateOptions): Promise<Run>
  get(id: string, options?: CallOptions): Promise<Run>
  /** The run when it has ended: complete, partial, failed or cancelled. */
  wait(id: string, options?: WaitOptions): Promise<Run>
  /** A part of the run's log, oldest lines first. */
  logs(id: string, options?: LogOptions): Promise<RunLogPage>
  /** The lines of the run's log as they are written, until it has ended. */
  follow(id: string, options?: FollowOptions): AsyncGenerator<RunLogLine, void>
  /** Lets it drain to the last checkpoint, and ends it. */
  cancel(id: string, options?: CallOptions): Promise<Run>
  /** A new run that continues where this one ended. */
  retry(id: string, options?: CreateOptions): Promise<Run>
}

function runsOf(ask: Ask): Runs {
  const pathOf = (id: string): string => `/runs/${encodeURIComponent(id)}`
  const get = (id: string, call?: CallOptions): Promise<Run> =>
    ask({ method: 'GET', path: pathOf(id), repeat: 'always', call })
  const logs: Runs['logs'] = (id, { after, limit, ...call } = {}) => {
    const query = { after, limit }
    return ask({ method: 'GET', path: `${pathOf(id)}/logs`, query, repeat: 'always', call })
  }
  return {
    list: (connection, { status, ...call } = {}) => {
      const path = `/connections/${encodeURIComponent(connection)}/runs`
      return allOf(ask, { method: 'GET', path, query: { status }, repeat: 'always', call })
    },
    start: (connection, call) => {
      const path = `/connections/${encodeURIComponent(connection)}/runs`
      return ask({ method: 'POST', path, repeat: 'with key', call })
    },
    get,
    wait: async (id, { everyMs = 1000, onLook, signal } = {}) => {
      for (;;) {
        const run = await get(id, { signal })
        onLook?.(run)
        if (hasEnded(run)) return run
        await pause(everyMs, signal)
      }
    },
    logs,
    follow: async function* (id, { after = 0, everyMs = 1000, signal } = {}) {
      for (let seen = after; ;) {
        // Checked first: all lines that were written before the end are in the log by then.
        const isOver = hasEnded(await get(id, { signal }))
        for (;;) {
          const { items, next_after: next } = await logs(id, { after: seen, limit: 1000, signal })
          yield* items
          seen = next
          if (items.length === 0) break
        }
        if (isOver) return
        await pause(everyMs, signal)
      }
    },
    cancel: (id, call) =>
      ask({ method: 'POST', path: `${pathOf(id)}/cancel`, repeat: 'never', call }),
    retry: (id, call) =>
      ask({ method: 'POST', path: `${pathOf(id)}/retry`, repeat: 'with key', call }),
  }
}

function hasEnded({ status }: Run): boolean {
  return status !== 'queued' && status !== 'running'
}

export { runsOf }
