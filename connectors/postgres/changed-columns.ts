import { resetCommands } from '../../lib/text/reset-commands.ts'
import { keepsItsPlace } from './saved-type.ts'
import type { SourceSession } from './session.ts'
import type { CursorState, NamedIdentity } from './states.ts'
import type { StreamSource } from './stream-source.ts'

/**
 * The identities of columns, for a state: by them the next read recognizes a column that now has another
 * column's name. Views have none.
 */
export function identitiesOf({ table, columns }: StreamSource): NamedIdentity[] {
  if (table.kind !== 'r' && table.kind !== 'p') return []
  const selected = new Set(columns.map(({ name }) => name))
  return table.columns
    .filter(({ name }) => selected.has(name))
    .map(({ name, identity }) => [name, ...identity])
}

interface Change {
  readonly name: string
  readonly before: NamedIdentity
  readonly now: NamedIdentity
}

/**
 * Warns of columns whose old values differ from the current ones although their names are the same: rows that
 * were loaded before hold the old values. The server is asked only if there is such a column.
 */
export async function warnOfChangedColumns(
  { session, source }: { readonly session: SourceSession; readonly source: StreamSource },
  saved: CursorState,
  warn: (text: string) => void,
): Promise<void> {
  const changes = changesOf(saved.identities ?? [], identitiesOf(source))
  if (changes.length === 0) return
  const others = changes.filter(({ before, now }) => before[1] !== now[1])
  if (others.length > 0) warn(otherColumns(source.name, others))
  const retyped = changes.filter(({ before, now }) => before[1] === now[1])
  const types = await typesBefore(session, retyped)
  const shown = retyped.flatMap(({ name }, index) => {
    const before = types[index] ?? 'a type that was dropped'
    const now = source.columns.find((column) => column.name === name)?.type.declared ?? ''
    return keepsValues(before, now) ? [] : [`${name} (from ${before} to ${now})`]
  })
  if (shown.length > 0) warn(otherTypes(source.name, shown))
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
  return `${listOf(names)} of ${stream} ${are} of the table than at the last checkpoint: ${were} renamed, exchanged with another one, or dropped and added again. Rows that were loaded before keep the values of the old ${names.length === 1 ? 'column' : 'columns'} under ${names.length === 1 ? 'that name' : 'these names'} until the source sends them again. ${resetAdvice(stream)}`
}

function otherTypes(stream: string, columns: readonly string[]): string {
  return `${listOf(columns)} of ${stream} got another type since the last checkpoint. Rows that were loaded before keep their values as they were in the old type until the source sends them again. ${resetAdvice(stream)}`
}

function listOf(names: readonly string[]): string {
  return `${names.length === 1 ? 'Column' : 'Columns'} ${names.join(', ')}`
}

function resetAdvice(stream: string): string {
  return `To read all rows again, reset the stream (${resetCommands(stream)}); with append, empty its table at the destination first.`
}
