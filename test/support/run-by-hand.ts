import type { RunOutcome, RunStore } from '../../service/runs/contract.ts'
import type { Run, RunStream } from '../../service/runs/schema.ts'

/** The owner of runs that a test works on by hand. */
export const handOwner = 'by-hand'

type Runs = Pick<RunStore, 'find' | 'claim' | 'progress' | 'end' | 'appendLog'>

/** Writes lines into the log of a run, as the run's worker does. */
export async function logOfRun(runs: Runs, id: string, ...messages: string[]): Promise<void> {
  const line = { atMs: Date.now(), level: 'info', fields: { a: 1 } } as const
  await runs.appendLog(
    id,
    messages.map((message) => ({ ...line, message })),
  )
}

/** The run is running, with these streams. */
export async function moveRun(
  runs: Runs,
  id: string,
  streams: readonly RunStream[],
): Promise<void> {
  await claimed(runs, id)
  await runs.progress(id, handOwner, streams)
}

/** Ends the run with this outcome. Omitted fields are as in a run that had nothing to report. */
export async function endRun(
  runs: Runs,
  id: string,
  outcome: Partial<RunOutcome> = {},
): Promise<Run> {
  await claimed(runs, id)
  const nothing = { status: 'complete', streams: [], warnings: [], error: null } as const
  const run = await runs.end(id, handOwner, { ...nothing, ...outcome })
  if (run === null) throw new Error(`the run ${id} is worked on by somebody else`)
  return run
}

async function claimed(runs: Runs, id: string): Promise<void> {
  const { status } = await runs.find(id)
  if (status === 'queued') await runs.claim(id, handOwner, 60_000)
}
