import { z } from 'zod'
import type { TableOptions } from '../../engine/two-way/postgres/table-shape.ts'
import { defaultSsl, type PostgresAddress } from '../../postgres/address.ts'
import { parsePostgresUrl } from '../../postgres/url.ts'
import { pollSeconds } from './pair-file-schema.ts'
import type { ReadSide, SideKind, SideParts, SideProblems, SideStream } from './side-kind.ts'

const name = z.string().min(1)

const sideFields = z.strictObject({
  url: name,
  ca: name.optional(),
  changes: z.enum(['cdc', 'polling']).default('polling'),
  poll_seconds: pollSeconds.default(1),
})

const tableFields = z.strictObject({
  table: name,
  key: name.optional(),
  modified: name.optional(),
  deleted: name.optional(),
  where: name.optional(),
})

/** `public.contact`, or the same with more. */
const tablePlace = z.union([name.transform((table) => ({ table })), tableFields])

/** A PostgreSQL database, whose tables are the streams. */
export const postgresKind: SideKind = {
  read: (parts: SideParts, problems: SideProblems) => Promise.resolve(readSide(parts, problems)),
}

function readSide({ config, streams }: SideParts, problems: SideProblems): ReadSide | undefined {
  const fields = problems.check(sideFields, config)
  const tables = streams.map((stream) => readTable(stream, problems))
  const address = fields === undefined ? undefined : readAddress(fields.url, problems)
  if (fields === undefined || address === undefined) return undefined
  const complete = tables.filter((table) => table !== undefined)
  if (complete.length < tables.length) return undefined
  const { host, port, database } = address
  const place = `${host}:${String(port)}/${database}`
  return {
    place,
    streamPlaces: new Map(
      complete.map(({ stream, schema, table }) => [stream, `${place} ${schema}.${table}`]),
    ),
    secrets: [fields.url, ...passwordOf(address)],
    side: { kind: 'postgres', database: { address, ca: fields.ca }, changes: fields.changes },
    pollMs: fields.changes === 'cdc' ? undefined : fields.poll_seconds * 1_000,
    streams: new Map(complete.map(({ stream, ...table }) => [stream, { kind: 'postgres', table }])),
  }
}

/** One that is short, or a shown word too, would take ordinary words out of every text. */
function passwordOf({ password = '', user, host, database }: PostgresAddress): readonly string[] {
  return password.length < 4 || [user, host, database].includes(password) ? [] : [password]
}

function readAddress(url: string, problems: SideProblems): PostgresAddress | undefined {
  const parts = parsePostgresUrl(url)
  if ('problem' in parts) {
    problems.add({ path: ['url'], ...parts })
    return undefined
  }
  const { host, user, database, port = 5432 } = parts
  if (host === undefined || user === undefined || database === undefined) {
    problems.add({
      path: ['url'],
      problem: 'lacks the host, user or database',
      fix: 'Write `postgres://USER:PASSWORD@HOST:5432/DATABASE`.',
    })
    return undefined
  }
  return { ...parts, host, user, database, port, ssl: parts.ssl ?? defaultSsl(host) }
}

function readTable(
  { name: stream, place, deletes, fields }: SideStream,
  problems: SideProblems,
): TableOptions | undefined {
  const read = problems.check(tablePlace, place, stream)
  if (read === undefined) return undefined
  const { table: text, ...options } = { ...noOptions, ...read }
  if (deletes === 'soft' && options.deleted === undefined) {
    problems.add({
      ...{ stream, path: ['deleted'] },
      problem: 'is missing, and deletions are `soft`',
      fix: 'Name the column that marks a record as deleted: `deleted: deleted_at`.',
    })
    return undefined
  }
  const dot = text.indexOf('.')
  const [schema, table] = dot < 0 ? ['public', text] : [text.slice(0, dot), text.slice(dot + 1)]
  return { stream, schema, table, columns: fields, ...options }
}

const noOptions: Omit<z.output<typeof tableFields>, 'table'> = {}
