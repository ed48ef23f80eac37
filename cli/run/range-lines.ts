import type { StreamRange } from '../../engine/read-range-again.ts'
import { streamLabel } from '../../protocol/index.ts'

/** A range as JSON has it, and the HTTP API. */
export interface RangeDocument {
  readonly name: string
  readonly namespace: string | null
  readonly cursor_field: string
  readonly from: string | null
  readonly to: string | null
  readonly destination_sync_mode: string
}

export function rangeDocument({ stream, cursorField, mode, from, to }: StreamRange): RangeDocument {
  const { name, namespace = null } = stream
  return { name, namespace, cursor_field: cursorField, from, to, destination_sync_mode: mode }
}

/** The ranges that the next run reads again, a line for each stream. */
export function rangeLines(
  connection: string,
  ranges: readonly RangeDocument[],
  { dryRun }: { readonly dryRun: boolean },
): string {
  const verb = dryRun ? 'would read' : 'reads'
  const lines = ranges.map(({ name, namespace, ...range }) => {
    const label = streamLabel(namespace === null ? { name } : { name, namespace })
    const bounds = [
      range.from === null ? 'from the first row' : `from ${range.from}`,
      range.to === null ? 'to the last checkpoint' : `to ${range.to}`,
    ].join(' ')
    const effect =
      range.destination_sync_mode === 'append' ? 'appended a second time' : 'merged by their key'
    return `${connection}: the next run ${verb} the rows of ${label} with ${range.cursor_field} ${bounds} again; they are ${effect}, and the position stays\n`
  })
  return lines.join('')
}
