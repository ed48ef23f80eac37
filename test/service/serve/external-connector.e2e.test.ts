import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { importFake } from '../../support/airbyte-process.ts'
import { testDatabase } from '../../support/postgres.ts'
import { hasEnded, runSchema, runWhen, serviceFolder } from '../../support/service-process.ts'

const anything = z.unknown()
const checked = z.looseObject({ status: z.string() })

test.concurrent(
  'an external connector is an instance of the service: two runs, the first through a kill -9, and no log has a secret',
  async () => {
    await using database = await testDatabase()
    await using folder = await serviceFolder()
    importFake(join(folder.path, 'catalog'))
    const { user, password, host, port, database: name } = database.address
    const url = `postgres://${user}:${password}@${host}:${port}/${name}`
    const environment = {
      REACTOR_CONNECT_AIRBYTE_ENABLED: 'true',
      REACTOR_CONNECT_DATA_DATABASE_URL: url,
    }
    const first = await folder.start({ environment })
    const config = { rows: 600, api_key: 'rotate-me', pause_ms: 50, state_every: 10 }
    await first.ask(anything, '/instances', { body: { name: 'fake', type: 'fake', config } })
    const status = await first.ask(checked, '/instances/fake/check', { method: 'POST' })
    expect(status).toMatchObject({ status: 'SUCCEEDED' })
    await first.ask(anything, '/connections', {
      body: {
        name: 'shop',
        from: 'fake',
        destination: 'data:shop',
        activate: true,
        streams: [{ name: 'orders', destination_sync_mode: 'append', sync_mode: 'incremental' }],
      },
    })
    const start = { method: 'POST' } as const
    const { id } = await first.ask(runSchema, '/connections/shop/runs', start)
    await runWhen(first, id, (run) => run.loaded > 20)
    await first.kill9()

    const second = await folder.start({ environment, key: first.key })
    const run = await runWhen(second, id, hasEnded)
    expect(run).toMatchObject({ status: 'complete', read: 600, loaded: 600 })
    const count = async (): Promise<unknown> =>
      (
        await database.query(
          'SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM shop.orders',
        )
      )[0]
    expect(await count()).toEqual({ rows: 600, ids: 600 })
    await second.ask(anything, '/instances/fake', {
      method: 'PATCH',
      body: { config: { rows: 640, api_key: 'rotate-me', pause_ms: 0, state_every: 10 } },
    })
    const again = await second.ask(runSchema, '/connections/shop/runs', start)
    const next = await runWhen(second, again.id, hasEnded)
    expect(next).toMatchObject({ status: 'complete', read: 40, loaded: 40 })
    expect(await count()).toEqual({ rows: 640, ids: 640 })
    const logs = await second.ask(anything, `/runs/${again.id}/logs`)
    expect(JSON.stringify(logs)).toContain('begins with key')
    expect(JSON.stringify(logs)).not.toContain('rotate-me')
    expect(await second.stop()).toBe(0)
  },
  180_000,
)
