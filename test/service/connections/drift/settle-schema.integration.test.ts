import { expect, test } from 'vitest'
import type { AirbyteCatalog } from '../../../../protocol/index.ts'
import {
  settleSchema,
  type SettledCatalog,
} from '../../../../service/connections/drift/settle-schema.ts'
import type { ConnectionOptions } from '../../../../service/connections/schema.ts'
import type { Run } from '../../../../service/runs/schema.ts'
import type { Store } from '../../../../service/store/store.ts'
import { newConnection, newInstance, openTestStore } from '../../../support/open-test-store.ts'

function ordersWith(...columns: readonly string[]): AirbyteCatalog {
  const properties = Object.fromEntries(columns.map((name) => [name, { type: 'string' }]))
  return {
    streams: [
      { name: 'orders', json_schema: { properties }, supported_sync_modes: ['full_refresh'] },
    ],
  }
}

/** A connection `shop`, for which orders with an id are approved, and its run, which `me` works on. */
async function working(store: Store, options: ConnectionOptions): Promise<Run> {
  await newInstance(store)
  await newConnection(store, 'shop', { options, approvedCatalog: ordersWith('id') })
  const { id } = await store.runs.create({ connection: 'shop', trigger: 'manual' })
  await store.runs.claim(id, 'me', 0)
  return store.runs.find(id)
}

/** Asks as an attempt does. `meanwhile` runs while the source responds. */
async function attempt(
  store: Store,
  run: Run,
  source: { readonly shows: AirbyteCatalog; readonly meanwhile?: () => Promise<unknown> },
): Promise<SettledCatalog | undefined> {
  const { shows: catalog, meanwhile } = source
  return settleSchema({
    connection: await store.connections.get('shop'),
    run: await store.runs.find(run.id),
    owner: 'me',
    instances: {
      discover: async () => {
        await meanwhile?.()
        return { catalog, discoveredAt: '2026-11-26T10:00:00.000Z', fromCache: false }
      },
    },
    store: store.drift,
    now: Date.now,
    admit: () => Promise.resolve(),
    onChanges: () => undefined,
  })
}

test('a connection that is changed while its source answers is looked at anew', async () => {
  await using place = await openTestStore()
  const { store } = place
  const run = await working(store, {})
  const shows = ordersWith('id', 'note')
  const block = { options: { schemaDrift: 'block_until_approved' } } as const
  const meanwhile = (): Promise<unknown> => store.connections.update('shop', block)
  expect(await attempt(store, run, { shows, meanwhile })).toBeUndefined()
  const { id } = await store.connections.get('shop')
  expect(await store.drift.approved(id)).toEqual(ordersWith('id'))
  await expect(attempt(store, run, { shows })).rejects.toMatchObject({
    code: 'schema_drift_blocked',
  })
})

test('an attempt after another keeps what both saw in the run', async () => {
  await using place = await openTestStore()
  const { store } = place
  const run = await working(store, {})
  const first = await attempt(store, run, { shows: ordersWith('id', 'note') })
  expect(first?.catalog).toEqual(ordersWith('id', 'note'))
  await attempt(store, run, { shows: ordersWith('id', 'note') })
  await attempt(store, run, { shows: ordersWith('id', 'note', 'phone') })
  const { schemaChanges } = await store.runs.find(run.id)
  expect(schemaChanges.map(({ addedColumns }) => addedColumns)).toEqual([
    [{ name: 'note', type: 'string' }],
    [{ name: 'phone', type: 'string' }],
  ])
})

test('nothing is written if nothing changed', async () => {
  await using place = await openTestStore()
  const { store, database } = place
  const run = await working(store, { schemaDrift: 'block_until_approved' })
  const rowsOf = (): Promise<unknown> =>
    database.query(
      `SELECT xmin::text FROM reactor_connect_service.connections
       UNION ALL SELECT xmin::text FROM reactor_connect_service.runs`,
    )
  const before = await rowsOf()
  expect(await attempt(store, run, { shows: ordersWith('id') })).toMatchObject({
    catalog: ordersWith('id'),
  })
  expect(await rowsOf()).toEqual(before)
})

test('a run that was taken away settles nothing', async () => {
  await using place = await openTestStore()
  const { store } = place
  const run = await working(store, {})
  const shows = ordersWith('id', 'note')
  const meanwhile = (): Promise<unknown> => store.runs.claim(run.id, 'another', 0)
  expect(await attempt(store, run, { shows, meanwhile })).toBeUndefined()
  expect(await store.runs.find(run.id)).toMatchObject({ schemaChanges: [] })
})
