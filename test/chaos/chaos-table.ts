import type { Chances } from './chances.ts'

/** How a table is read and loaded. */
export interface Mode {
  readonly sync_mode: 'full_refresh' | 'incremental'
  readonly destination_sync_mode: 'append' | 'overwrite' | 'append_dedup' | 'overwrite_dedup'
}

export interface Extra {
  readonly name: string
  readonly type: ExtraType
}

/**
 * A table at the source. `id` and `ver` are always there: `ver` grows with every change of a row, so it is
 * the cursor, and (id, ver) names one version of a row.
 */
export interface ChaosTable {
  readonly name: string
  readonly mode: Mode
  readonly keyed: boolean
  /** Columns that come, go, are renamed and get other types. */
  extras: Extra[]
  /** Numbers the extra columns, so that a name is never used twice. */
  extrasMade: number
}

type ExtraType = keyof typeof extraTypes

/**
 * A value for each type from a number `n`. Its text is the same whether the destination has the source's type
 * or the portable one, but for arrays, which are lists in `jsonb` there.
 */
const extraTypes = {
  int: 'n * 7',
  bigint: 'n::bigint * 1000003',
  numeric: 'n / 8.0',
  'double precision': 'n * 0.25',
  boolean: 'n % 2 = 0',
  text: 'CASE n % 5 WHEN 0 THEN NULL ELSE repeat(md5(n::text), n % 40) END',
  date: "date '1999-12-31' + n % 20000",
  timestamptz: "timestamptz '2001-02-03 04:05:06.000007Z' + n * interval '1.000001 second'",
  bytea: "decode(md5(n::text), 'hex')",
  jsonb: `jsonb_build_object('n', n, 'list', jsonb_build_array(n, 'x"\\y', NULL))`,
  uuid: 'md5(n::text)::uuid',
  int4range: 'int4range(n, n + 5)',
  inet: "inet '10.0.0.1' + n % 100000",
  'int[]': 'ARRAY[n, NULL, -n]',
} as const

const modes: readonly Mode[] = [
  { sync_mode: 'full_refresh', destination_sync_mode: 'append' },
  { sync_mode: 'full_refresh', destination_sync_mode: 'overwrite' },
  { sync_mode: 'full_refresh', destination_sync_mode: 'append_dedup' },
  { sync_mode: 'full_refresh', destination_sync_mode: 'overwrite_dedup' },
  { sync_mode: 'incremental', destination_sync_mode: 'append' },
  { sync_mode: 'incremental', destination_sync_mode: 'append_dedup' },
]

/**
 * From none to several ranges and transactions; most are small, since those have ended before anything is
 * committed.
 */
const sizes = [0, 1, 7, 100, 300, 3_000, 3_000, 20_000, 40_000] as const

export function chooseTable(name: string, chances: Chances): ChaosTable {
  const mode = chances.pick(modes)
  const dedup = mode.destination_sync_mode.endsWith('dedup')
  const types = Object.keys(extraTypes).filter((type): type is ExtraType => type in extraTypes)
  const extras = Array.from({ length: chances.between(0, 4) }, (_, index) => ({
    name: `x${String(index)}`,
    type: chances.pick(types),
  }))
  return { name, mode, keyed: dedup || chances.happens(0.6), extras, extrasMade: extras.length }
}

export function creationOf(table: ChaosTable, chances: Chances): string[] {
  const columns = [
    `id bigint ${table.keyed ? 'PRIMARY KEY' : 'NOT NULL'}`,
    'ver bigint NOT NULL',
    'body text NOT NULL',
    ...table.extras.map(({ name, type }) => `${name} ${type}`),
  ]
  return [
    `CREATE SEQUENCE ${table.name}_ver`,
    `CREATE TABLE ${table.name} (${columns.join(', ')})`,
    insertionOf(table, { after: 0, rows: chances.pick(sizes) }),
    `ANALYZE ${table.name}`,
  ]
}

/** Some statements that change rows. `last` is the largest id. */
export function editsOf(table: ChaosTable, last: number, chances: Chances): string[] {
  const edits: string[] = []
  if (chances.happens(0.6)) {
    edits.push(insertionOf(table, { after: last, rows: chances.pick([1, 5, 200, 2_000]) }))
  }
  if (chances.happens(0.6)) {
    edits.push(
      `UPDATE ${table.name} SET body = 'edited ' || md5(body), ver = nextval('${table.name}_ver') WHERE id % ${String(chances.pick([1, 3, 100]))} = 0`,
    )
  }
  if (chances.happens(0.4)) {
    edits.push(`DELETE FROM ${table.name} WHERE id % ${String(chances.pick([2, 10, 50]))} = 1`)
  }
  if (chances.happens(0.05)) edits.push(`TRUNCATE ${table.name}`)
  return edits
}

/**
 * One change of the columns; each row is touched with it, so that an incremental read gives every row in its
 * new shape. Changes `table` too.
 */
export function schemaChangeOf(table: ChaosTable, chances: Chances): string[] {
  const change = chances.pick(['add', 'add', 'drop', 'rename', 'widen'] as const)
  const victim = table.extras.at(chances.between(0, Math.max(0, table.extras.length - 1)))
  const touch = `UPDATE ${table.name} SET ver = nextval('${table.name}_ver')`
  if (change === 'add' || victim === undefined) {
    const types = Object.keys(extraTypes).filter((type): type is ExtraType => type in extraTypes)
    const extra = { name: `x${String(table.extrasMade++)}`, type: chances.pick(types) }
    table.extras.push(extra)
    const value = extraTypes[extra.type].replaceAll(/\bn\b/g, '(id % 1000000)::int')
    return [
      `ALTER TABLE ${table.name} ADD COLUMN ${extra.name} ${extra.type}`,
      `${touch}, ${extra.name} = ${value}`,
    ]
  }
  const position = table.extras.indexOf(victim)
  switch (change) {
    case 'drop':
      table.extras.splice(position, 1)
      return [`ALTER TABLE ${table.name} DROP COLUMN ${victim.name}`, touch]
    case 'rename': {
      const name = `x${String(table.extrasMade++)}`
      table.extras[position] = { ...victim, name }
      return [`ALTER TABLE ${table.name} RENAME COLUMN ${victim.name} TO ${name}`, touch]
    }
    case 'widen': {
      const wider = widerTypes[victim.type]
      if (wider === undefined) return [touch]
      table.extras[position] = { ...victim, type: wider }
      return [`ALTER TABLE ${table.name} ALTER COLUMN ${victim.name} TYPE ${wider}`, touch]
    }
  }
}

const widerTypes: Partial<Record<ExtraType, ExtraType>> = {
  int: 'bigint',
  bigint: 'text',
  boolean: 'text',
  date: 'text',
}

/** The columns that both sides are compared by. A table that is only appended to has rows of older shapes. */
export function comparedColumns(table: ChaosTable): readonly Extra[] {
  return table.mode.destination_sync_mode === 'append' ? [] : table.extras
}

/** A row as one text, which is the same at the source and at the destination. */
export function comparedText(table: ChaosTable): string {
  return rowText(
    comparedColumns(table).map(({ name, type }) =>
      type === 'int[]' ? `to_jsonb(${name})::text` : `${name}::text`,
    ),
  )
}

function rowText(extras: readonly string[]): string {
  const cells = [
    'id::text',
    'ver::text',
    'md5(body)',
    ...extras.map((text) => `coalesce(md5(${text}), '-')`),
  ]
  return `concat_ws('/', ${cells.join(', ')})`
}

function insertionOf(
  table: ChaosTable,
  { after, rows }: { readonly after: number; readonly rows: number },
): string {
  const values = table.extras.map(({ type }) => extraTypes[type])
  return (
    `INSERT INTO ${table.name} SELECT n, nextval('${table.name}_ver'), repeat(md5(n::text), 1 + n % 8)` +
    values.map((value) => `, ${value}`).join('') +
    ` FROM generate_series(${String(after + 1)}, ${String(after + rows)}) AS numbers(n)`
  )
}
