import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { eventsOf, startRun } from '../../cli/reactor-command.ts'
import { runHere } from '../../cli/run-here.ts'
import { runFile } from '../../support/run-file.ts'

const rows = 30_000
const document = (mode: string, fields: object = {}): object => ({
  connection: 'shop',
  source: {
    type: 'faker',
    config: { seed: 7, streams: [{ name: 'n', rows, columns: 'narrow', state_every: 500 }] },
  },
  destination: { type: 'file', url: 'file:./rows' },
  metadata: 'none',
  limits: { commit_bytes: 65_536, commit_ms: 10 },
  ...fields,
  streams: [{ name: 'n', destination_sync_mode: mode }],
})

async function linesIn(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.jsonl'))
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.flatMap((text) => text.split('\n').filter((line) => line !== ''))
}

test('a run into a folder that is killed with -9 between its commits goes on, and each row is there once', async () => {
  await using file = await runFile(document('append'))
  const folder = join(dirname(file.path), 'rows/n')
  const killed = startRun(file.path)
  while ((await linesIn(folder)).length < rows / 10) {
    expect(killed.process.exitCode).toBeNull()
    await setTimeout(5)
  }
  killed.process.kill('SIGKILL')
  await killed.end
  const before = (await linesIn(folder)).length
  expect(before).toBeLessThan(rows)

  const end = await runHere(file.path, { args: ['--json'] })
  expect(end.code).toBe(0)
  const lines = await linesIn(folder)
  expect(lines).toHaveLength(rows)
  expect(new Set(lines).size).toBe(rows)
  // Each row is in the account of the run once: of this start, or of the one before.
  const [stream] = eventsOf(end).at(-1)?.streams ?? []
  expect(stream).toMatchObject({ before: { loaded: rows - Number(stream?.loaded) } })
})

test('an overwrite replaces the files, and names of tables are refused', async () => {
  await using file = await runFile(document('overwrite'))
  const folder = join(dirname(file.path), 'rows/n')
  await runHere(file.path)
  await runHere(file.path)
  const lines = await linesIn(folder)
  expect(new Set(lines).size).toBe(rows)
  expect(lines).toHaveLength(rows)

  await using named = await runFile(document('overwrite', { table: 'raw_{stream}' }))
  const refused = await runHere(named.path)
  expect(refused.code).not.toBe(0)
  expect(refused.stderr).toContain('is the name of a table, and the destination has folders')
})
