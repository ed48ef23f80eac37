import type { Run, RunLogLine } from './schema.ts'
import type { RunEvent, RunStore } from './contract.ts'

const pageLines = 500

/** `RunService.follow`: lines and changes as they come. The last lines come before the ended run. */
export async function* followStoredRun(
  runs: RunStore,
  ...[connection, id, after, signal]: [string, string, number, AbortSignal]
): AsyncGenerator<RunEvent, void> {
  await runs.get(connection, id)
  let seen = after
  let shown = ''
  const changes = runs.changes(id, signal)[Symbol.asyncIterator]()
  try {
    while ((await changes.next()).done !== true) {
      // Read first: all its lines were written before it changed.
      const run = await runs.get(connection, id)
      for await (const line of readLinesAfter(runs, id, seen)) {
        seen = line.seq
        yield { type: 'log', line }
      }
      const text = JSON.stringify(run)
      if (text !== shown) yield { type: 'run', run }
      shown = text
      if (hasEnded(run)) return
    }
  } finally {
    await changes.return?.()
  }
}

async function* readLinesAfter(
  runs: RunStore,
  id: string,
  after: number,
): AsyncGenerator<RunLogLine> {
  for (let seen = after; ;) {
    const lines = await runs.log(id, seen, pageLines)
    yield* lines
    if (lines.length < pageLines) return
    seen = lines.at(-1)?.seq ?? seen
  }
}

export function hasEnded({ status }: Pick<Run, 'status'>): boolean {
  return status !== 'queued' && status !== 'running'
}
