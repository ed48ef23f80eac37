import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { finishEngine, killEngineWhen } from '../support/engine-process.ts'
import { newFolder } from '../support/new-folder.ts'
import { testDatabase } from '../support/postgres.ts'

/** More than an engine reads before it is killed, with many checkpoints. */
const rows = 300_000

test.concurrent.each(['embedded', 'kafka'] as const)(
  'a warning of the source is told by the run that ends, once, after two kills: %s log',
  { timeout: 240_000 },
  async (log) => {
    await using db = await testDatabase()
    const { ssl, ...address } = db.address
    const folder = await newFolder('warned')
    const file = join(folder, 'run.yaml')
    const source = { ...address, ssl, schemas: ['src'], state_rows: 500 }
    await writeFile(
      file,
      JSON.stringify({
        connection: `warned-${randomUUID().slice(0, 8)}`,
        source: { type: 'postgres', config: source },
        destination: { type: 'postgres', config: { ...address, ssl, schema: 'dest' } },
        log: log === 'kafka' ? { kafka: { brokers: inject('kafkaBrokers') } } : 'embedded',
        streams: [
          {
            name: 'a',
            sync_mode: 'incremental',
            destination_sync_mode: 'append',
            cursor_field: 'u',
          },
        ],
        limits: { commit_bytes: 65_536, commit_ms: 20 },
      }),
    )
    await db.query(
      `CREATE SCHEMA src; CREATE TABLE src.a (u int PRIMARY KEY, body text); INSERT INTO src.a VALUES (1, 'first'), (2, 'first')`,
    )
    await finishEngine(file)
    await db.query(
      `DROP TABLE src.a; CREATE TABLE src.a (u int PRIMARY KEY, body text);
       INSERT INTO src.a SELECT n, n::text FROM generate_series(1, ${String(rows)}) n`,
    )
    const hasLoaded = async (more: number): Promise<() => Promise<boolean>> => {
      const count = async (): Promise<number> =>
        Number((await db.query('SELECT count(*) AS rows FROM dest.a'))[0]?.rows)
      const before = await count()
      return async () => (await count()) >= before + more
    }
    await killEngineWhen(file, await hasLoaded(1_000))
    await killEngineWhen(file, await hasLoaded(1_000))
    expect(await db.query('SELECT ended FROM reactor_connect.runs')).toEqual([{ ended: false }])
    const [stream] = (await finishEngine(file)).streams
    expect(stream?.warnings).toEqual([
      expect.stringContaining('Table src.a is not the one of the last checkpoint'),
    ])
    // The row at the checkpoint is another one now.
    expect(await db.query('SELECT count(*)::int AS rows FROM dest.a')).toEqual([{ rows: rows + 1 }])
    const [next] = (await finishEngine(file)).streams
    expect(next?.warnings).toEqual([])
  },
)
