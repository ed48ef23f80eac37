import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import {
  compareConnection,
  type CompareProgress,
} from '../../../engine/compare/compare-connection.ts'
import type { CompareOptions } from '../../../engine/compare/compare-options.ts'
import type { StreamComparison } from '../../../engine/compare/comparison-report.ts'
import { markMaskKey } from '../../../engine/mask-key-mark.ts'
import { defaultLimits, type TablePlan } from '../../../engine/run-types.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import { resolveStreams } from '../../../plan/streams/resolve-streams.ts'
import type { StreamSelection } from '../../../plan/streams/stream-selection.ts'
import { logConfig, runPlan } from '../../support/engine.ts'
import { everyType } from '../../support/every-type.ts'
import { silent } from '../../support/logger.ts'
import { seededRandom } from '../../support/random.ts'
import { neverAborted } from '../../support/signal.ts'
import { openDatabase, testDatabase, type TestDatabase } from '../../support/postgres.ts'

type Databases = Record<'from' | 'to', TestDatabase>
type Selection = Partial<StreamSelection> & { readonly schema?: string }

/** The plan that a run file with these settings would make. */
async function planOf(
  { from, to }: Databases,
  { schema = 'copy', ...selection }: Selection,
): Promise<TablePlan> {
  const connection = `compare_${schema}`
  const source = { type: 'postgres', config: { ...from.address, schemas: ['public'] } }
  const context = { logger: silent, signal: neverAborted(), allowedNetworks: [], now: Date.now }
  const catalog = await (await connectorOf('postgres')).discover(source.config, context)
  const defaults = { destination_sync_mode: 'append_dedup' } as const
  const chosen = { connection, streams: 'all', defaults, metadata: 'full', ...selection } as const
  const { streams, problems } = resolveStreams(catalog, chosen)
  expect(problems).toEqual([])
  const maskKey = 'the key of the masks'
  return {
    connection,
    source,
    destination: { type: 'postgres', address: to.address, schema },
    streams: markMaskKey(streams, { connection, maskKey }),
    maskKey,
    log: logConfig('embedded'),
    limits: defaultLimits('embedded'),
  }
}

async function run(databases: Databases, selection: Selection): Promise<void> {
  const { result } = await runPlan(await planOf(databases, selection))
  expect(result.streams.flatMap(({ error }) => error ?? [])).toEqual([])
}

async function compare(
  databases: Databases,
  {
    options,
    onProgress = () => undefined,
    ...selection
  }: Selection & {
    readonly options?: Partial<CompareOptions>
    readonly onProgress?: (progress: CompareProgress) => void
  } = {},
): Promise<readonly StreamComparison[]> {
  const plan = await planOf(databases, selection)
  const { streams } = await compareConnection(
    plan,
    { examples: 5, withValues: false, secondLookMs: null, ...options },
    {
      logger: silent,
      signal: neverAborted(),
      now: Date.now,
      commands: { run: 'reactor connect run shop.yaml', reset: 'reactor connect reset shop.yaml' },
      onProgress,
    },
  )
  expect(streams.flatMap(({ status, error }) => (status === 'failed' ? error : []))).toEqual([])
  return streams
}

describe('the rows of source and destination', () => {
  test('are equal after a run, for every type and in every form that the destination has', async () => {
    await using from = await testDatabase()
    await using to = await testDatabase()
    await from.query(everyType)
    await to.query('CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION cube')
    for (const types of ['source', 'portable'] as const) {
      const selection = { schema: types, types }
      await run({ from, to }, selection)
      const streams = await compare({ from, to }, selection)
      expect(streams.filter(({ status }) => status !== 'equal')).toEqual([])
      expect(
        streams.filter(({ rows }) => rows.source === 0 || rows.source !== rows.destination),
      ).toEqual([])
      expect(
        streams.flatMap(({ name, not_compared }) =>
          not_compared.map(({ field }) => `${name}.${field}`),
        ),
      ).toEqual([])
    }
  }, 120_000)

  test('differ exactly as the destination was changed, with rules and a key of several columns', async () => {
    await using from = await testDatabase()
    await using to = await testDatabase()
    await from.query(`
      CREATE TABLE "Odd ""table""" ("key a" int, "key-b" text, size int, "select" numeric(12,3), note text, phone text, secret text, email text, kind text,
        moment timestamptz NOT NULL DEFAULT now(), PRIMARY KEY ("key a", "key-b"));
      INSERT INTO "Odd ""table""" SELECT n, CASE WHEN n % 3 = 0 THEN '' ELSE E'b\\\\"''' || n END, n, n / 7.0, CASE WHEN n % 4 > 0 THEN 'note ' || n END, '0' || n, 'secret', 'mail' || n, 'k',
        now() - n * interval '1 second' FROM generate_series(1, 2000) AS n`)
    const stream = {
      name: 'Odd "table"',
      columns: { exclude: ['secret'] },
      rename: { select: 'amount', 'key a': 'Key A' },
      where: 'size < 1900',
      mask: { phone: { keep_last: 2 }, email: 'hash', kind: { constant: 'hidden' } },
      cursor_field: 'moment',
    } as const
    for (const [mode, sync, types] of [
      ['overwrite', 'full_refresh', 'source'],
      ['append_dedup', 'incremental', 'portable'],
    ] as const) {
      const selection = {
        schema: mode,
        types,
        streams: [{ ...stream, sync_mode: sync, destination_sync_mode: mode }],
      }
      await run({ from, to }, selection)
      const [equal] = await compare({ from, to }, selection)
      expect(equal).toMatchObject({
        status: 'equal',
        rows: { source: 1899, destination: 1899 },
        repair: null,
      })
      expect(equal?.not_compared.map(({ field }) => field)).toEqual(['email'])
      const random = seededRandom(7)
      const ids = Array.from({ length: 1899 }, (_, index) => index + 1).toSorted(
        () => random() - 0.5,
      )
      const [gone, changed] = [ids.slice(0, 40), ids.slice(40, 90)]
      const [nulled, unseen] = [ids.slice(90, 100), ids.slice(100, 110)]
      const list = (numbers: readonly number[]): string => `(${numbers.join(', ')})`
      const table = `${mode}."Odd ""table"""`
      await to.query(`
        DELETE FROM ${table} WHERE "Key A" IN ${list(gone)};
        UPDATE ${table} SET amount = amount + 0.001, phone = '****xx' WHERE "Key A" IN ${list(changed)};
        UPDATE ${table} SET phone = NULL WHERE "Key A" IN ${list(nulled)};
        UPDATE ${table} SET email = 'hashes are not compared' WHERE "Key A" IN ${list(unseen)};
        INSERT INTO ${table} ("Key A", "key-b", size) SELECT n, 'more', n FROM generate_series(1, 25) AS n`)
      const options = { examples: 1_000, withValues: true }
      const [found] = await compare({ from, to }, { ...selection, options })
      expect(found).toMatchObject({
        ...{ status: 'different', missing: 40, extra: 25, different: 60, examined: 60 },
        key: ['Key A', 'key-b'],
      })
      expect(found?.columns).toEqual([
        { name: 'phone', rows: 60 },
        { name: 'amount', rows: 50 },
      ])
      expect(firstOfKeys(found?.examples.missing)).toEqual(sorted(gone))
      expect(firstOfKeys(found?.examples.different)).toEqual(sorted([...changed, ...nulled]))
      expect(found?.examples.extra.every(({ key }) => key[1] === 'more')).toBe(true)
      const shown = found?.examples.different.flatMap(({ columns = [] }) => columns) ?? []
      expect(shown.find(({ name }) => name === 'amount')).toHaveProperty('destination')
      // Values of masked columns are never shown.
      expect(shown.filter(({ name, ...values }) => name === 'phone' && 'source' in values)).toEqual(
        [],
      )
      expect(JSON.stringify(found)).not.toMatch(/\*\*\*\*|secret|mail\d/)
      const commands = found?.repair?.commands.join('; ')
      expect(commands).toMatch(
        mode === 'overwrite' ? /^reactor connect run shop.yaml$/ : /--from '20.+' --to '20/,
      )
    }
  }, 120_000)

  test('are compared without a key, and by the newest version of each if all are kept', async () => {
    await using from = await testDatabase()
    await using to = await testDatabase()
    await from.query(`
      CREATE TABLE loose (a int, b text); INSERT INTO loose SELECT n / 3, CASE WHEN n % 5 > 0 THEN 'b' END FROM generate_series(1, 900) AS n;
      CREATE TABLE history (id bigint PRIMARY KEY, v text, n int NOT NULL); INSERT INTO history SELECT n, 'first', n FROM generate_series(1, 500) AS n`)
    const selection = {
      streams: [
        { name: 'loose', sync_mode: 'full_refresh', destination_sync_mode: 'overwrite' },
        {
          name: 'history',
          sync_mode: 'incremental',
          destination_sync_mode: 'append',
          cursor_field: 'n',
        },
      ],
    } as const
    await run({ from, to }, selection)
    await from.query(`UPDATE history SET v = 'second', n = n + 1000 WHERE id % 2 = 0`)
    const behind = await compare({ from, to }, selection)
    expect(behind.map(({ missing, extra, different }) => [missing, extra, different])).toEqual([
      [0, 0, 0],
      [0, 0, 250],
    ])
    await run({ from, to }, selection)
    const equal = await compare({ from, to }, selection)
    expect(equal.map(({ status, rows }) => [status, rows.source, rows.destination])).toEqual([
      ['equal', 900, 900],
      ['equal', 500, 500],
    ])
    await to.query(`
      UPDATE copy.loose SET b = 'other' WHERE ctid = (SELECT min(ctid) FROM copy.loose WHERE b IS NULL);
      DELETE FROM copy.loose WHERE ctid = (SELECT min(ctid) FROM copy.loose WHERE b = 'b');
      INSERT INTO copy.loose SELECT * FROM copy.loose WHERE a = 77;
      UPDATE copy.history SET v = 'old versions do not count' WHERE id = 10 AND v = 'first';
      UPDATE copy.history SET v = 'changed' WHERE id = 20 AND v = 'second'; DELETE FROM copy.history WHERE id = 31`)
    const options = { limits: { rangeRows: 1_000, listRows: 2 } }
    const [loose, history] = await compare({ from, to }, { ...selection, options })
    expect(loose).toMatchObject({ missing: 2, extra: 4, different: 0, key: [] })
    expect(history).toMatchObject({ missing: 1, extra: 0, different: 1 })
    const append = { sync_mode: 'full_refresh', destination_sync_mode: 'append' } as const
    const unkeyed = { streams: [{ name: 'loose', ...append }], schema: 'refused' }
    await run({ from, to }, unkeyed)
    const [refused] = await compare({ from, to }, unkeyed)
    expect(refused).toMatchObject({ status: 'refused', error: { code: 'comparison_refused' } })
    expect(refused?.error?.message).toContain('has no primary key')
  }, 60_000)

  test('differ only if they still do at the second look, and not by what the load has noted', async () => {
    await using from = await testDatabase()
    await using to = await testDatabase()
    await from.query(`CREATE TABLE notes (id int PRIMARY KEY, j json);
      INSERT INTO notes VALUES (1, '{"a": "\\u0000"}'), (2, '{"b": "\\ud83d\\ude00 \\\\u0000"}'), (3, '[1.50]'), (4, NULL), (5, '5')`)
    const selection = { types: 'portable' } as const
    await run({ from, to }, selection)
    await to.query(
      `UPDATE copy.notes SET j = '"passing"' WHERE id = 3; DELETE FROM copy.notes WHERE id = 4`,
    )
    let repaired: Promise<unknown> | undefined
    const onProgress = (): void => {
      repaired ??= to.query(`UPDATE copy.notes SET j = '[1.50]' WHERE id = 3`)
    }
    const options = { secondLookMs: 400 }
    const [notes] = await compare({ from, to }, { ...selection, options, onProgress })
    await repaired
    expect(notes).toMatchObject({ missing: 1, extra: 0, different: 0, explained: 1 })
    expect(notes?.examples.missing).toEqual([{ key: ['4'] }])
    expect(notes?.notes.join(' ')).toMatch(
      /1 row differs only in values that the load has changed.* 1 row differed at first/,
    )
  }, 60_000)

  test('are compared across encodings, and rows that are marked as deleted do not count', async () => {
    await using from = await testDatabase()
    await using to = await testDatabase()
    const latin = `${from.address.database}_latin`
    await from.query(`CREATE DATABASE ${latin} ENCODING LATIN1 TEMPLATE template0 LOCALE 'C'`)
    const drop = (): Promise<unknown> => from.query(`DROP DATABASE ${latin} WITH (FORCE)`)
    {
      await using source = openDatabase(latin, async () => {
        await drop()
      })
      await source.query(`CREATE TABLE words (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), word text, _ab_cdc_deleted_at timestamptz, n int NOT NULL);
        INSERT INTO words (word, n) SELECT 'äöü ß ' || n, n FROM generate_series(1, 50) AS n`)
      const selection = {
        deletes: 'soft',
        streams: [{ name: 'words', sync_mode: 'incremental', cursor_field: 'n' }],
      } as const
      const databases = { from: source, to }
      await run(databases, selection)
      await source.query(`UPDATE words SET _ab_cdc_deleted_at = now(), n = n + 100 WHERE n <= 5`)
      const [before] = await compare(databases, selection)
      expect(before).toMatchObject({ extra: 5, rows: { source: 45, destination: 50 } })
      await run(databases, selection)
      expect(await to.query('SELECT count(*)::int AS rows FROM copy.words')).toEqual([{ rows: 50 }])
      const [equal] = await compare(databases, selection)
      expect(equal).toMatchObject({ status: 'equal', rows: { source: 45, destination: 45 } })
      await to.query(`UPDATE copy.words SET word = 'aou' WHERE n = 7`)
      const [found] = await compare(databases, selection)
      expect(found).toMatchObject({ missing: 0, extra: 0, different: 1 })
    }
  }, 60_000)

  test('are compared in ranges and in bounded memory, also if very many differ', async () => {
    await using from = await testDatabase()
    await using to = await testDatabase()
    await from.query(`CREATE TABLE big (id bigint PRIMARY KEY, a text, b timestamptz, c numeric);
      INSERT INTO big SELECT n, md5(n::text), now() - n * interval '1 minute', n / 3.0 FROM generate_series(1, 200000) AS n; ANALYZE big`)
    await run({ from, to }, { types: 'portable' })
    await to.query(
      `UPDATE copy.big SET a = 'x' WHERE id % 10 = 0; DELETE FROM copy.big WHERE id IN (1, 77777, 199999)`,
    )
    const before = liveBytes()
    let most = 0
    const look = () => {
      most = Math.max(most, liveBytes() - before)
    }
    // A look takes 70 ms, and far longer in a process that has run other files.
    const timer = setInterval(look, 1000)
    const ranges = new Set<number>()
    const [big] = await compare(
      { from, to },
      {
        types: 'portable',
        options: { limits: { rangeRows: 50_000, listRows: 20_000 }, secondLookMs: 1 },
        onProgress: (progress) => {
          ranges.add(progress.ranges)
          look()
        },
      },
    )
    clearInterval(timer)
    expect(big).toMatchObject({
      ...{ missing: 3, extra: 0, different: 20_000, examined: 10_000 },
      rows: { source: 200_000, destination: 199_997 },
    })
    expect([...ranges]).toEqual([4])
    expect(most).toBeLessThan(60_000_000)
  }, 120_000)
})

/** Without garbage. */
function liveBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}

function sorted(numbers: readonly number[]): readonly number[] {
  return numbers.toSorted((a, b) => a - b)
}

function firstOfKeys(
  examples: readonly { readonly key: readonly (string | null)[] }[] = [],
): readonly number[] {
  return sorted(examples.map(({ key }) => Number(key[0])))
}
