import type { Column } from '../../protocol/index.ts'
import type { TableNote } from '../sink.ts'

/**
 * How the columns of a stream differ from those of its last sync. `untold`: the same of attempts before, each
 * once.
 */
export function noteColumns(
  before: readonly Column[],
  now: readonly Column[],
  untold: readonly TableNote[],
): readonly TableNote[] {
  const kinds = new Map(before.map(({ name, kind }) => [name, kind]))
  const names = new Set(now.map(({ name }) => name))
  const notes = [
    ...now.flatMap(({ name: column, kind: type }): readonly TableNote[] => {
      const was = kinds.get(column)
      if (was === undefined) return [{ kind: 'added', column, type }]
      return was === type ? [] : [{ kind: 'widened', column, type, was }]
    }),
    ...before
      .filter(({ name }) => !names.has(name))
      .map(({ name: column, kind: type }) => ({ kind: 'left', column, type }) as const),
  ]
  const known = new Set(notes.map((note) => JSON.stringify(note)))
  return [...untold.filter((note) => !known.has(JSON.stringify(note))), ...notes]
}
