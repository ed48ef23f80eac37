import { findNewColumns, type NewColumns } from './new-columns.ts'
import type { CursorRead } from './read-ordered.ts'
import { keepsItsPlace } from './saved-type.ts'
import type { SourceSession } from './session.ts'
import type { NamedIdentity } from './named-identity.ts'
import type { CursorState } from './states.ts'
import { identitiesOf } from './stream-source.ts'

interface Change {
  readonly name: string
  readonly before: NamedIdentity
  readonly now: NamedIdentity
}

/**
 * Finds columns whose values in rows that were loaded before are not the current ones: other columns have
 * their names, they got another type, or they were not read before. Returns a text about each such change.
 * The server is asked only if there is such a column.
 */
export async function findChangedColumns(
  read: Pick<CursorRead, 'session' | 'source' | 'cursor'>,
  saved: CursorState,
): Promise<readonly string[]> {
  const { session, source } = read
  const before = saved.identities ?? []
  // States of earlier versions do not know the columns, and those of views have none.
  if (before.length === 0) return []
  const present = identitiesOf(source)
  const changes = changesOf(before, present)
  const others = changes.filter(({ before: old, now }) => old[1] !== now[1])
  const retyped = changes.filter(({ before: old, now }) => old[1] === now[1])
  const types = await typesBefore(session, retyped)
  const shown = retyped.flatMap(({ name }, index) => {
    const was = types[index] ?? 'a type that was dropped'
    const now = source.columns.find((column) => column.name === name)?.type.declared ?? ''
    return keepsValues(was, now) ? [] : [`${name} (from ${was} to ${now})`]
  })
  const known = new Set(before.map(([name]) => name))
  const unknown = present.map(([name]) => name).filter((name) => !known.has(name))
  const added = await findNewColumns(read, saved, unknown)
  return [
    ...(others.length > 0 ? [otherColumns(source.name, others)] : []),
    ...(shown.length > 0 ? [otherTypes(source.name, shown)] : []),
    ...(added === undefined ? [] : [newColumns(source.name, added)]),
  ]
}

function changesOf(saved: readonly NamedIdentity[], present: readonly NamedIdentity[]): Change[] {
  const before = new Map(saved.map((identity) => [identity[0], identity]))
  return present.flatMap((now) => {
    const old = before.get(now[0])
    const isSame = old === undefined || old.every((part, index) => part === now[index])
    return isSame ? [] : [{ name: now[0], before: old, now }]
  })
}

/** As the source writes them; undefined for a type that is gone. */
async function typesBefore(
  session: SourceSession,
  changes: readonly Change[],
): Promise<readonly (string | undefined)[]> {
  if (changes.length === 0) return []
  const rows = await session.rows<{ readonly type: string | null }>(
    `SELECT CASE WHEN t.oid IS NOT NULL THEN format_type(b.type, b.modifier) END AS type
       FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS b(type, modifier, n)
       LEFT JOIN pg_catalog.pg_type t ON t.oid = b.type ORDER BY b.n`,
    [changes.map(({ before }) => before[2]), changes.map(({ before }) => before[3])],
  )
  return rows.map(({ type }) => type ?? undefined)
}

/**
 * Each value is the same one in the new type. Every value fits, or the server would have refused the change.
 */
function keepsValues(before: string, now: string): boolean {
  return keepsItsPlace('0', before, now.replace(/ COLLATE .+$/s, ''))
}

function otherColumns(stream: string, changes: readonly Change[]): string {
  const names = changes.map(({ name }) => name)
  const [are, were] =
    names.length === 1 ? ['is another column', 'it was'] : ['are other columns', 'they were']
  return `${listOf(names)} of ${stream} ${are} of the table than at the last checkpoint: ${were} renamed, exchanged with another one, or dropped and added again. Rows that were loaded before keep the values of the old ${names.length === 1 ? 'column' : 'columns'} under ${names.length === 1 ? 'that name' : 'these names'} until the source sends them again.`
}

function otherTypes(stream: string, columns: readonly string[]): string {
  return `${listOf(columns)} of ${stream} got another type since the last checkpoint. Rows that were loaded before keep their values as they were in the old type until the source sends them again.`
}

function newColumns(stream: string, { names, rows }: NewColumns): string {
  const [were, they] = names.length === 1 ? ['was', 'it has'] : ['were', 'they have']
  const count = rows === undefined ? '' : ` (number of these rows: ${rows.toLocaleString('en-US')})`
  return `${listOf(names)} of ${stream} ${were} not read until the last checkpoint, and ${they} values in rows that were${count}. There, ${names.length === 1 ? 'the column is' : 'these columns are'} NULL at the destination until the source sends the rows again.`
}

function listOf(names: readonly string[]): string {
  return `${names.length === 1 ? 'Column' : 'Columns'} ${names.join(', ')}`
}
