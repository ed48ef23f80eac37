import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { logConfig, planRun, runPlan } from '../../support/engine.ts'
import { newFolder } from '../../support/new-folder.ts'
import { testDatabase } from '../../support/postgres.ts'
import { jsonLines, writeAt } from './contract-subject.ts'

const start = Date.UTC(2026, 0, 1)

test('a run loads all files but a damaged one, and the next run only that one and what is new', async () => {
  await using db = await testDatabase()
  const folder = await newFolder('run-of-files')
  const path = (name: string): string => join(folder, 'orders', name)
  await writeAt(path('a.jsonl'), jsonLines(30_000), start)
  await writeAt(path('b.jsonl'), '{"id":"no number","name":7}\n{"id', start + 1000)
  await writeAt(path('c.jsonl'), jsonLines(10, 50_001), start + 2000)
  const run = async () => {
    const plan = await planRun({
      connection,
      source: { type: 'file', config: { folder } },
      destination: db.address,
      schema: 'files',
      log: logConfig('embedded'),
      mode: 'append_dedup',
      syncMode: 'incremental',
      cursor: '_file_modified_at',
    })
    return (await runPlan(plan)).result.streams[0]
  }
  const connection = `files-${randomUUID().slice(0, 8)}`
  expect(await run()).toMatchObject({
    status: 'failed',
    error: { code: 'source_files_failed', message: expect.stringContaining('b.jsonl') as unknown },
  })
  const count = 'SELECT count(*)::int AS rows FROM files.orders'
  expect(await db.query(count)).toEqual([{ rows: 30_011 }])
  await writeAt(path('b.jsonl'), jsonLines(5, 90_001), start + 3000)
  await writeAt(path('d.jsonl'), '{"id":1,"name":"x","extra":[1]}\n', start + 4000)
  expect(await run()).toMatchObject({ status: 'complete', read: 6 })
  expect(await db.query(`${count} WHERE _file = 'orders/b.jsonl' AND id LIKE '9000_'`)).toEqual([
    { rows: 5 },
  ])
  expect(
    await db.query(
      "SELECT extra::text, _file_row::int FROM files.orders WHERE _file LIKE '%d.jsonl'",
    ),
  ).toEqual([{ extra: '[1]', _file_row: 1 }])
  expect(await db.query(count)).toEqual([{ rows: 30_016 }])
})

test('a stream whose only file has a malformed row is found by the rows before it, and the error names the row', async () => {
  await using db = await testDatabase()
  const folder = await newFolder('one-bad-file')
  await writeAt(join(folder, 'orders', 'a.csv'), 'id,name\n1,x\n2\n3,z\n', start)
  const connection = `files-${randomUUID().slice(0, 8)}`
  // The second attempt does not load them again.
  for (const read of [1, 0]) {
    const plan = await planRun({
      connection,
      source: { type: 'file', config: { folder } },
      destination: db.address,
      schema: 'files',
      log: logConfig('embedded'),
      mode: 'append',
      syncMode: 'incremental',
      cursor: '_file_modified_at',
    })
    const { result } = await runPlan(plan)
    expect(result.streams[0]).toMatchObject({ status: 'failed', read })
    expect(result.streams[0]?.error?.message).toContain(
      'orders/a.csv: it has 1 fields in row 2, and 2 columns',
    )
    expect(await db.query('SELECT id, name FROM files.orders')).toEqual([{ id: '1', name: 'x' }])
  }
})

test('a stream of its own whose file is damaged, and one whose file is empty, do not stop the others', async () => {
  await using db = await testDatabase()
  const folder = await newFolder('bad-streams')
  await writeAt(join(folder, 'good.csv'), 'id\n1\n', start)
  await writeAt(join(folder, 'empty.csv'), '', start)
  await writeAt(join(folder, 'bad.csv'), 'id\n"1\n', start)
  const plan = await planRun({
    connection: `files-${randomUUID().slice(0, 8)}`,
    source: { type: 'file', config: { folder } },
    destination: db.address,
    schema: 'files',
    log: logConfig('embedded'),
    mode: 'append',
  })
  const { streams } = (await runPlan(plan)).result
  const found = streams.map(({ stream, status, loaded, error }) => [
    ...[stream.name, status, loaded],
    error?.code,
  ])
  expect(found.toSorted()).toEqual([
    ['bad', 'failed', 0, 'source_files_failed'],
    ['empty', 'complete', 0, undefined],
    ['good', 'complete', 1, undefined],
  ])
})
