import { z } from 'zod'
import { resetCommands } from '../lib/text/reset-commands.ts'
import { ConnectError, streamLabel } from '../protocol/index.ts'
import type { NumberedColumns, SinkStream } from './sink.ts'

const numbers = z.array(z.tuple([z.string(), z.number()]).readonly()).readonly()

export const numberedColumns: z.ZodType<NumberedColumns> = z.object({
  table: z.number(),
  shown: numbers,
  hidden: numbers,
  compared: z.array(z.string()).readonly(),
})

/** The columns as the last sync stored them. `run`: 0 after a reset. */
interface LastColumns {
  readonly settings: { readonly numbered?: NumberedColumns | undefined }
  readonly run: number
}

/**
 * Columns of the source changed their names, and the rules, which name them, would hide or compare others
 * than in the last sync. A reset confirms the new names.
 */
export function findOtherColumns(
  last: LastColumns | undefined,
  sink: SinkStream,
): ConnectError | undefined {
  const before = last?.run === 0 ? undefined : last?.settings.numbered
  const now = sink.rules?.numbered
  if (before === undefined || now?.table !== before.table) return undefined
  const found = uncovered(before, now) ?? otherCompared(before, now)
  if (found === undefined) return undefined
  const label = streamLabel(sink.stream.stream)
  const confirm = `confirm it by a reset of the stream: ${resetCommands(label, sink.connection)}.`
  const { field, problem, fix } = found
  const details = { place: `stream ${label}`, field, problem, fix: `${fix}, ${confirm}` }
  return new ConnectError('stream_rule_invalid', { details })
}

interface Found {
  readonly field: string
  readonly problem: string
  readonly fix: string
}

/** A column that was hidden would be read in the clear under another name. */
function uncovered(before: NumberedColumns, { shown }: NumberedColumns): Found | undefined {
  const hidden = new Map(before.hidden.map(([name, number]) => [number, name]))
  for (const [name, number] of shown) {
    const earlier = hidden.get(number)
    if (earlier === undefined || earlier === name) continue
    return {
      field: 'columns',
      problem: `the column "${name}" is the one that was "${earlier}" in the last run, and whose values were masked or left out: under this name they would be loaded as they are`,
      fix: `Mask "${name}", or leave it out with \`columns\`. If its values may be loaded`,
    }
  }
  return undefined
}

/**
 * The condition would look at another column. One that was added since, in place of a column that was
 * dropped, is meant by its name.
 */
function otherCompared(before: NumberedColumns, now: NumberedColumns): Found | undefined {
  const [earlier, present] = [before, now].map(
    ({ shown, hidden }) => new Map([...shown, ...hidden]),
  )
  if (earlier === undefined || present === undefined) return undefined
  const known = new Set(earlier.values())
  const left = new Set(present.values())
  for (const name of now.compared) {
    const [was, is] = [earlier.get(name), present.get(name)]
    if (!before.compared.includes(name) || was === undefined || is === undefined) continue
    if (was === is || (!left.has(was) && !known.has(is))) continue
    return {
      field: 'where',
      problem: `the column "${name}" is another column of the table than in the last run`,
      fix: 'Correct the condition if it means the column that had this name. If it is right as it is',
    }
  }
  return undefined
}
