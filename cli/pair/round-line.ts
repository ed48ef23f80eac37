import type { StreamCounts } from '../../engine/two-way/pair-types.ts'
import type { PairReport } from '../../engine/two-way/sync-pair.ts'
import { count } from '../run/amounts.ts'

const shown = [
  ['created', 'created'],
  ['updated', 'updated'],
  ['deleted', 'deleted'],
  ['conflicts', 'conflicts'],
  ['reviews', 'new conflicts for a person'],
  ['ambiguous', 'with several counterparts'],
  ['refused', 'refused'],
  ['quarantined', 'in quarantine'],
  ['heldDeletes', 'deletions held'],
] as const satisfies readonly (readonly [keyof StreamCounts, string])[]

/** Whether a round has done something, or left something to a person. */
export function hasNews({ streams }: PairReport): boolean {
  return [...streams.values()].some((counts) => shown.some(([name]) => counts[name] > 0))
}

/** `2026-12-05 14:03:11Z  contact: 2 updated, 1 conflicts`, for each stream with news. */
export function roundText(report: PairReport, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace('T', ' ').replace(/\.\d+/, '')
  const lines = [...report.streams].flatMap(([name, counts]) => {
    const facts = shown.flatMap(([key, text]) =>
      counts[key] === 0 ? [] : [`${count(counts[key])} ${text}`],
    )
    return facts.length === 0 ? [] : [`${time}  ${name}: ${facts.join(', ')}\n`]
  })
  return lines.length === 0 ? `${time}  both sides are the same\n` : lines.join('')
}
