import { expect, test } from 'vitest'
import type { StorageConfig } from '../../../storage/storage-config.ts'
import type { SandboxReport } from '../../../engine/sandbox/sandbox-report.ts'
import { S3Server } from '../../fakes/s3/s3-server.ts'
import { planRun } from '../../support/engine.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { leftovers, sandboxPlan } from './sandbox-run.ts'

/** More than a record in the embedded log may have. */
const largeMib = 65

async function sandboxOf(db: TestDatabase, storage?: StorageConfig): Promise<SandboxReport> {
  const plan = await planRun({
    connection: 'shop',
    source: { type: 'postgres', config: { ...db.address, schemas: ['src'] } },
    destination: db.address,
    schema: 'dest',
    log: { kind: 'embedded', ...(storage !== undefined && { storage }) },
    mode: 'append_dedup',
  })
  return sandboxPlan(plan)
}

test('a sandbox shows a record that is too large for the log as a run would load it: by way of Storage, or rejected', async () => {
  await using s3 = await S3Server.start()
  await using db = await testDatabase()
  await db.query(
    `CREATE SCHEMA src; CREATE TABLE src.t (id int PRIMARY KEY, text text);
     INSERT INTO src.t VALUES (1, 'small'), (2, repeat('0123456789abcdef', ${String(largeMib * 65_536)})), (3, 'small')`,
  )
  const { streams } = await sandboxOf(db, s3.config)
  expect(streams[0]).toMatchObject({
    ...{ read: 3, rejected: 0, complete: true },
    diff_vs_current: { rows: { insert: 3, update: 0 } },
  })
  expect(await leftovers(db)).not.toEqual([])
  expect([...s3.objects.values()].map((object) => object.length > largeMib * 1024 * 1024)).toEqual([
    true,
  ])
  const without = await sandboxOf(db)
  expect(without.streams[0]).toMatchObject({
    ...{ read: 3, rejected: 1 },
    diff_vs_current: { rows: { insert: 2, update: 0 } },
  })
}, 120_000)
