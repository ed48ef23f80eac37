import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SandboxStream } from '../../../engine/sandbox/sandbox-report.ts'
import type { TablePlan } from '../../../engine/run-types.ts'
import { planRun, runPlan } from '../../support/engine.ts'
import { testDatabase, type Row, type TestDatabase } from '../../support/postgres.ts'
import {
  columnsOf,
  destinationSchema,
  makeSource,
  rowsAs,
  sourceSchema,
  streamOf,
} from './pair-tables.ts'
import { pair, type Pair } from './pairs.ts'
import { checksum, sandboxPlan } from './sandbox-run.ts'

/**
 * Pairs of a batch: one stream each, so that they share their runs. `npm run test:long -- sandbox` runs eight
 * batches.
 */
const batchSize = 25
const seeds = (process.env.SANDBOX_SEEDS ?? '1').split(',').map(Number)

const metadata = [
  '_airbyte_extracted_at',
  '_airbyte_generation_id',
  '_airbyte_raw_id',
  '_airbyte_meta',
]
const isOwn = ({ name }: { readonly name: string }): boolean => !metadata.includes(name)

describe('what a sandbox says is what a run does', () => {
  const seen = { insert: 0, update: 0, unchanged: 0, delete: 0 }

  test.for(seeds)('of the random tables with seed %i', { timeout: 170_000 }, async (seed) => {
    const pairs = fc.sample(pair, { seed, numRuns: batchSize })
    await using source = await testDatabase()
    await using destination = await testDatabase()
    await source.query(`CREATE SCHEMA ${sourceSchema}`)
    await destination.query(`CREATE SCHEMA ${destinationSchema}`)
    await makeHistory({ source, destination, pairs })

    const plan = await planOf({ source, destination, pairs })
    const untouched = await checksums(destination)
    const report = await sandboxPlan(plan, { limitRows: 1000 })
    expect(await checksums(destination)).toEqual(untouched)

    await copyTables(destination, pairs)
    const { result } = await runPlan(plan)
    for (const [index, each] of pairs.entries()) {
      const reported = report.streams[index]
      const error = result.streams[index]?.error?.code
      const about = `seed ${seed}, p${index}: ${JSON.stringify(each)}`
      expect(reported?.error?.code, about).toBe(error)
      if (reported === undefined || error !== undefined) continue
      expect(reported.complete, about).toBe(true)
      expect(said(reported, each), about).toEqual(await done(destination, each, index))
    }
    const { failed, rows_at_least: rows } = report.totals
    expect(failed).toBeLessThan(batchSize / 4)
    for (const count of ['insert', 'update', 'unchanged', 'delete'] as const)
      seen[count] += rows[count]
  })

  test('in all random tables together, which have every kind of change', () => {
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(0)
  })
})

interface World {
  readonly source: TestDatabase
  readonly destination: TestDatabase
  readonly pairs: readonly Pair[]
}

/** The first version of each source is synced, if it was ever synced; then comes the second one. */
async function makeHistory({ source, destination, pairs }: World): Promise<void> {
  for (const [index, pair] of pairs.entries())
    await makeSource(source, { name: `p${index}`, pair, version: 'first' })
  const plan = await discovered({ source, destination })
  const streams = pairs.flatMap((pair, index) => {
    const stream = plan.streams.find((sink) => sink.stream.stream.name === `p${index}`)
    return pair.before === undefined || stream === undefined
      ? []
      : [streamOf(stream, pair, pair.before)]
  })
  const { result } = await runPlan({ ...plan, streams })
  expect(result.streams.flatMap(({ error }) => error ?? [])).toEqual([])
  for (const [index, pair] of pairs.entries()) {
    await makeSource(source, { name: `p${index}`, pair, version: 'second' })
    const table = `${destinationSchema}.p${index}`
    const [first] = (await columnsOf(destination, table)).filter(isOwn).slice(-1)
    if (pair.isViewed && first !== undefined)
      await destination.query(`CREATE VIEW v${index} AS SELECT "${first.name}" FROM ${table}`)
  }
}

async function planOf({ source, destination, pairs }: World): Promise<TablePlan> {
  const plan = await discovered({ source, destination })
  const streams = pairs.map((pair, index) => {
    const stream = plan.streams.find((sink) => sink.stream.stream.name === `p${index}`)
    if (stream === undefined) throw new Error(`p${index} was not discovered`)
    return streamOf(stream, pair, pair.mode)
  })
  return { ...plan, streams }
}

function discovered({ source, destination }: Omit<World, 'pairs'>): Promise<TablePlan> {
  const { host, port, user, password, database } = source.address
  return planRun({
    connection: 'pairs',
    source: {
      type: 'postgres',
      config: { host, port, user, password, database, ssl: 'disable', schemas: [sourceSchema] },
    },
    destination: destination.address,
    schema: destinationSchema,
    log: { kind: 'embedded' },
    mode: 'append',
  })
}

/** Production and its checkpoints. */
async function checksums(destination: TestDatabase): Promise<string[]> {
  return [
    await checksum(destination, destinationSchema),
    await checksum(destination, 'reactor_connect'),
  ]
}

async function copyTables(destination: TestDatabase, pairs: readonly Pair[]): Promise<void> {
  await destination.query('CREATE SCHEMA before')
  for (const index of pairs.keys()) {
    const table = `${destinationSchema}.p${index}`
    if ((await columnsOf(destination, table)).length > 0)
      await destination.query(`CREATE TABLE before.p${index} AS SELECT * FROM ${table}`)
  }
}

/**
 * Only those unchanged rows of a merge that are read count: from outside they look like those that are not
 * read.
 */
function said({ diff_vs_current: diff }: SandboxStream, { mode }: Pair): unknown {
  if (diff === undefined) return undefined
  const { added_columns, removed_columns, type_changes, nulled_values } = diff
  const { unchanged, ...rows } = diff.rows
  return {
    rows: mode === 'append_dedup' ? rows : { ...rows, unchanged },
    added: sorted(added_columns),
    removed: sorted(removed_columns),
    changed: sorted(type_changes),
    nulled: sorted(nulled_values.map(({ column: name, rows: count }) => ({ name, count }))),
  }
}

/** Returns the effect of the run as seen from outside: the table before and after. */
async function done(destination: TestDatabase, pair: Pair, index: number): Promise<unknown> {
  const table = `${destinationSchema}.p${index}`
  const copy = `before.p${index}`
  const [columns, old] = [await columnsOf(destination, table), await columnsOf(destination, copy)]
  const own = columns.filter(isOwn)
  const after = await rowsAs(destination, table, own)
  const before = old.length === 0 ? [] : await rowsAs(destination, copy, own)
  const inSource = pair.columns.flatMap((column, index) =>
    column.in === 'first' ? [] : [`c${index}`],
  )
  const declared = ['id', 'k', 'u', ...inSource]
  return {
    ...countRows(pair, { before, after, names: own.map(({ name }) => name), declared }),
    added: sorted(columns.filter(({ name }) => !old.some((column) => column.name === name))),
    removed: sorted(old.filter((column) => isOwn(column) && !declared.includes(column.name))),
    changed: sorted(
      columns.flatMap(({ name, type }) => {
        const from = old.find((column) => column.name === name)?.type
        return from === undefined || from === type ? [] : [{ name, from, to: type }]
      }),
    ),
  }
}

interface Sides {
  readonly before: readonly Row[]
  readonly after: readonly Row[]
  readonly names: readonly string[]
  /** Columns that the source has. */
  readonly declared: readonly string[]
}

function countRows(pair: Pair, sides: Sides): { rows: unknown; nulled: unknown } {
  const key = { primary: ['id'], loose: ['k'], none: undefined }[pair.key]
  if (pair.mode === 'append') {
    const insert = sides.after.length - sides.before.length
    return { rows: { insert, update: 0, unchanged: 0, delete: 0 }, nulled: [] }
  }
  if (pair.mode !== 'append_dedup' || key === undefined) return overwritten(key, sides)
  const newest = byKey(sides.before, key)
  const merged = overwritten(key, { ...sides, before: [...newest.values()] })
  const doubles = sides.before.length - newest.size
  const { insert, update, delete: deleted } = merged.rows
  return { ...merged, rows: { insert, update, delete: deleted + doubles } }
}

interface Counts {
  insert: number
  update: number
  unchanged: number
  delete: number
}

/** Rows of a key are paired off: equal ones first, then the others. */
function overwritten(
  key: readonly string[] | undefined,
  sides: Sides,
): { rows: Counts; nulled: unknown } {
  const { before, after, names } = sides
  const content = (row: Row): string => JSON.stringify(names.map((name) => row[name]))
  const idOf = (row: Row): string => JSON.stringify((key ?? names).map((name) => row[name]))
  const rows = { insert: 0, update: 0, unchanged: 0, delete: 0 }
  const nulled = key === undefined ? dropped(sides) : new Map<string, number>()
  for (const id of new Set([...before, ...after].map(idOf))) {
    const was = before.filter((row) => idOf(row) === id)
    const is = after.filter((row) => idOf(row) === id)
    pairOff(rows, was.map(content), is.map(content))
    if (key === undefined || was.length !== 1 || is.length !== 1) continue
    for (const name of names)
      if (was[0]?.[name] !== null && is[0]?.[name] === null)
        nulled.set(name, (nulled.get(name) ?? 0) + 1)
  }
  return { rows, nulled: sorted([...nulled].map(([name, count]) => ({ name, count }))) }
}

/** Values of columns that the source has no more: none of them is left. */
function dropped({ before, names, declared }: Sides): Map<string, number> {
  const gone = names.filter((name) => !declared.includes(name))
  const counts = gone.map(
    (name) => [name, before.filter((row) => row[name] !== null).length] as const,
  )
  return new Map(counts.filter(([, count]) => count > 0))
}

function pairOff(rows: Counts, was: readonly string[], is: readonly string[]): void {
  const left = [...was]
  let unchanged = 0
  for (const content of is) {
    const position = left.indexOf(content)
    if (position < 0) continue
    left.splice(position, 1)
    unchanged++
  }
  const update = Math.min(is.length - unchanged, left.length)
  rows.unchanged += unchanged
  rows.update += update
  rows.insert += is.length - unchanged - update
  rows.delete += left.length - update
}

/** The newest row of each key: the rows come in the order of their age. */
function byKey(rows: readonly Row[], key: readonly string[]): Map<string, Row> {
  return new Map(rows.map((row) => [JSON.stringify(key.map((name) => row[name])), row]))
}

function sorted<T extends { readonly name: string }>(things: readonly T[]): T[] {
  return [...things].sort((left, right) => left.name.localeCompare(right.name))
}
