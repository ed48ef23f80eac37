import { Kafka, logLevel } from 'kafkajs'
import { expect, inject, test } from 'vitest'
import { startBenchServer } from '../../bench/bench-server.ts'
import { psqlVersion } from '../../bench/replicate/copy-pipe.ts'
import { benchShapes, shapesTable } from '../../bench/shapes/bench-shapes.ts'
import {
  requireKind,
  requireRowCounts,
  requireSameRows,
  sourceContents,
} from '../../bench/shapes/same-rows.ts'
import { shapeNames, shapeOf } from '../../bench/shapes/shapes.ts'
import { createEmpty, createFilled } from '../../bench/table-shape.ts'
import { isLong, usually } from '../support/long.ts'

const embedded = { kind: 'embedded' } as const

/** Few rows. The benchmark compares the rows of each program with the source's, and throws if they differ. */
const tiny = {
  metadata: 'minimal',
  rounds: 1,
  scale: isLong ? 0.005 : 0.001,
  warmUp: false,
} as const

/** The usual run has one shape, through the embedded log. */
const shapes = usually(1, shapeNames)

test.skipIf(psqlVersion() === undefined)(
  'each mode of each shape is measured beside the pipes of its kind, and loads the rows of the source',
  { timeout: 300_000 },
  async () => {
    const figures = await benchShapes({ ...tiny, shapes, logs: [embedded] }, () => undefined)
    const modes = shapes.flatMap((shape) =>
      shapeOf(shape, 1)
        .cases.flat()
        .map((mode) => ({ shape, mode, log: 'embedded' })),
    )
    const engine = figures.filter(({ program }) => program === 'reactor-connect')
    expect(engine.map(({ shape, mode, log }) => ({ shape, mode, log }))).toEqual(modes)
    for (const line of engine) {
      expect(Object.keys(line)).toEqual([
        ...['shape', 'program', 'mode', 'log', 'rows', 'seconds'],
        ...['ratio', 'binary_ratio', 'cpu_seconds', 'peak_mb'],
      ])
      for (const name of ['seconds', 'ratio', 'binary_ratio', 'cpu_seconds', 'peak_mb'] as const)
        expect(line[name], name).toBeGreaterThan(0)
    }
    const pipes = [
      ...['text pipe', 'binary pipe'].map((program) => ({ program, mode: 'no_key' })),
      { program: 'binary pipe', mode: 'engine_tables' },
    ]
    for (const shape of shapes)
      for (const pipe of pipes)
        expect(figures).toContainEqual(
          expect.objectContaining({ shape, ...pipe, log: null, cpu_seconds: null }),
        )
    expect(figures).toContainEqual(
      expect.objectContaining({ shape: 'columns12', program: 'text pipe', mode: 'key', ratio: 1 }),
    )
    expect(shapesTable(figures).trim().split('\n')).toHaveLength(figures.length + 2)
  },
)

test.runIf(isLong && psqlVersion() !== undefined)(
  'the same through Kafka, whose topics are gone afterwards',
  { timeout: 120_000 },
  async () => {
    const kafka = {
      ...({ kind: 'kafka', framing: 'block', ssl: false } as const),
      brokers: inject('kafkaBrokers'),
    }
    const figures = await benchShapes(
      { ...tiny, shapes: ['integers'], logs: [kafka] },
      () => undefined,
    )
    const engine = figures.filter(({ program }) => program === 'reactor-connect')
    expect(engine.map(({ mode, log }) => `${mode} ${log ?? ''}`)).toEqual([
      'append kafka (block)',
      'overwrite_new kafka (block)',
      'overwrite_existing kafka (block)',
    ])
    const admin = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const topics = await admin.listTopics()
    await admin.disconnect()
    expect(topics.filter((topic) => topic.startsWith('connect.bench-'))).toEqual([])
  },
)

test(
  'a row that is missing, doubled or changed ends the benchmark, and a key that only one program has',
  { timeout: 120_000 },
  async () => {
    await using bench = await startBenchServer()
    const { tables } = shapeOf('wide', 0.001)
    await bench.source(...tables.flatMap(createFilled))
    const source = await sourceContents(bench, tables)
    const load = async (...changes: readonly string[]): Promise<void> =>
      bench.warehouse(...tables.flatMap((table) => createEmpty(table, 'no_key')), ...changes)
    const rows = tables.flatMap(({ name, values }) => `INSERT INTO ${name} SELECT ${values} FROM`)
    const all = `${rows.join('')} generate_series(1, 50) AS n`

    await load(all)
    await requireRowCounts(bench, source)
    await requireSameRows(bench, source)
    await requireKind(bench, 'no_key')
    await expect(requireKind(bench, 'key')).rejects.toThrow(
      'tables of the destination that have no key: 1',
    )
    await bench.warehouse('CREATE UNIQUE INDEX ON bench_wide (id)')
    await requireKind(bench, 'key')
    await expect(requireKind(bench, 'no_key')).rejects.toThrow('that have a key: 1')

    await load(all, 'DELETE FROM bench_wide WHERE id = 7')
    await expect(requireRowCounts(bench, source)).rejects.toThrow('has 49 rows instead of 50')
    await expect(requireSameRows(bench, source)).rejects.toThrow('50 rows')

    await load(
      all,
      'DELETE FROM bench_wide WHERE id = 7',
      'INSERT INTO bench_wide SELECT * FROM bench_wide WHERE id = 8',
    )
    await requireRowCounts(bench, source)
    await expect(requireSameRows(bench, source)).rejects.toThrow(
      'the destination bench_wide: 50 rows',
    )

    await load(all, 'UPDATE bench_wide SET c001 = c001 || $$!$$ WHERE id = 7')
    await expect(requireSameRows(bench, source)).rejects.toThrow(
      'the destination bench_wide: 50 rows',
    )
  },
)
