import { describe, expect, test } from 'vitest'
import { checkWrites } from '../../../../service/platform/database/check-writes.ts'
import { Database } from '../../../../service/platform/database/database.ts'
import { openStore } from '../../../../service/store/open-store.ts'
import { metadataTemplate, startPostgres, testDatabase } from '../../../support/postgres.ts'
import { mountSmallDisk } from '../../../support/small-disk.ts'
import { openTestStore } from '../../../support/open-test-store.ts'
import { silent } from '../../../support/logger.ts'
import { longTest } from '../../../support/long.ts'

const schema = 'reactor_connect_service'

describe('a check of writes', () => {
  test('keeps nothing, also when several processes check at once', async () => {
    await using opened = await openTestStore()
    await Promise.all(Array.from({ length: 5 }, () => opened.store.checkWrites()))
    const [row] = await opened.database.query(
      `SELECT pg_relation_size('${schema}.write_check')::int AS bytes`,
    )
    expect(row).toEqual({ bytes: 0 })
  })

  test('succeeds during a backup, which holds every table until it ends', async () => {
    await using opened = await openTestStore()
    await using backup = new Database({ url: opened.database.url, sessions: 1, logger: silent })
    await backup.session(async (session) => {
      // As pg_dump does.
      await session.query(`BEGIN; LOCK TABLE ${schema}.write_check IN ACCESS SHARE MODE`)
      await Promise.all(Array.from({ length: 3 }, () => opened.store.checkWrites()))
      await session.query('ROLLBACK')
    })
    await opened.store.checkWrites()
    const rows = await opened.database.query(`SELECT FROM ${schema}.write_check`)
    expect(rows).toEqual([])
  })

  longTest('fails when the disk has no room', async (context) => {
    await using disk = await mountSmallDisk('20k')
    if ('missing' in disk) {
      context.skip(disk.missing)
      return
    }
    await using postgres = await startPostgres()
    await using admin = new Database({ url: postgres.url, sessions: 1, logger: silent })
    await using store = await openStore({ url: postgres.url, logger: silent })
    await store.checkWrites()
    await admin.query(`CREATE TABLESPACE small LOCATION '${disk.path}'`)
    await admin.query(`ALTER TABLE ${schema}.write_check SET TABLESPACE small`)
    await expect(store.checkWrites()).rejects.toMatchObject({
      code: 'store_unavailable',
      details: { reason: expect.stringContaining('53100') as string },
    })
    await disk.grow('1m')
    await store.checkWrites()
  })

  test('fails in a database that is read-only', async () => {
    // None that another test uses after this one.
    await using metadata = await testDatabase(metadataTemplate)
    const name = metadata.address.database
    await metadata.query(`ALTER DATABASE "${name}" SET default_transaction_read_only = on`)
    await using database = new Database({ url: metadata.url, sessions: 1, logger: silent })
    await expect(checkWrites(database)).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})
