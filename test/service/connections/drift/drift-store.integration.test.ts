import { expect, test } from 'vitest'
import type { AirbyteCatalog } from '../../../../protocol/index.ts'
import type { Connection } from '../../../../service/connections/schema.ts'
import type { SchemaChange, SchemaDrift } from '../../../../service/schema-changes/schema.ts'
import type { SettledSchema } from '../../../../service/connections/drift/contract.ts'
import type { Store } from '../../../../service/store/store.ts'
import { newConnection, newInstance, openTestStore } from '../../../support/open-test-store.ts'

function catalogOf(...names: readonly string[]): AirbyteCatalog {
  return {
    streams: names.map((name) => ({
      name,
      json_schema: { properties: { z: {}, a: {} } },
      supported_sync_modes: ['full_refresh'],
    })),
  }
}

const approvedCatalog = catalogOf('a')
const shown: SchemaDrift = {
  status: 'blocked',
  fingerprint: 'f1',
  changes: [],
  total: 1,
  run: 'run_1',
  detectedAt: '2026-11-26T10:00:00.000Z',
}

/** A connection with a run that `me` works on. */
async function working(store: Store): Promise<{ connection: Connection; settled: SettledSchema }> {
  await newInstance(store)
  const connection = await newConnection(store, 'shop', { approvedCatalog })
  const { id } = await store.runs.create({ connection: 'shop', trigger: 'manual' })
  await store.runs.claim(id, 'me', 0)
  const settled = { connection, run: id, owner: 'me', approved: null, drift: null, changes: [] }
  return { connection, settled }
}

test('what is approved keeps the order of its columns, and is not part of a connection', async () => {
  await using place = await openTestStore()
  const { connection } = await working(place.store)
  const approved = await place.store.drift.approved(connection.id)
  expect(JSON.stringify(approved)).toBe(JSON.stringify(approvedCatalog))
  expect(await place.store.drift.approved('con_none')).toBeNull()
  expect(Object.keys(connection)).not.toContain('approvedCatalog')
})

test('a drift is kept with its catalog until it is approved, and its first sighting stands', async () => {
  await using place = await openTestStore()
  const { store } = place
  const { connection, settled } = await working(store)
  const drift = { shown, catalog: catalogOf('a', 'b') }
  expect(await store.drift.settle({ ...settled, drift })).toBe(true)
  const later = { ...shown, run: 'run_2', detectedAt: '2026-11-27T10:00:00.000Z' }
  expect(await store.drift.settle({ ...settled, drift: { ...drift, shown: later } })).toBe(true)
  expect(await store.connections.get('shop')).toMatchObject({ drift: shown, version: 1 })
  const other = { ...later, fingerprint: 'f2' }
  expect(await store.drift.settle({ ...settled, drift: { ...drift, shown: other } })).toBe(true)
  expect(await store.connections.get('shop')).toMatchObject({ drift: other })

  expect(await store.drift.approve('shop', 'f1')).toBe(false)
  expect(await store.drift.approve('none', 'f2')).toBe(false)
  expect(await store.drift.approve('shop', 'f2')).toBe(true)
  expect(await store.drift.approve('shop', 'f2')).toBe(false)
  expect(await store.connections.get('shop')).toMatchObject({ drift: null, version: 2 })
  expect(await store.drift.approved(connection.id)).toEqual(catalogOf('a', 'b'))
})

test('a run that is another’s, and a run of a connection that was changed since, keep nothing', async () => {
  await using place = await openTestStore()
  const { store } = place
  const { connection, settled } = await working(store)
  const found = { ...settled, approved: catalogOf('b'), drift: { shown, catalog: catalogOf('b') } }
  expect(await store.drift.settle({ ...found, owner: 'another' })).toBe(false)
  await store.connections.update('shop', { destination: 'data:other' })
  expect(await store.drift.settle(found)).toBe(false)
  await store.runs.end(settled.run, 'me', {
    status: 'failed',
    streams: [],
    warnings: [],
    error: null,
  })
  const now = { ...found, connection: { ...connection, version: 2 } }
  expect(await store.drift.settle(now)).toBe(false)
  expect(await store.drift.approved(connection.id)).toEqual(approvedCatalog)
  expect(await store.connections.get('shop')).toMatchObject({ drift: null })
})

test('a drift is forgotten with another choice of streams or of what drift does, and with no other change', async () => {
  await using place = await openTestStore()
  const { store } = place
  const { settled } = await working(store)
  const found = { ...settled, drift: { shown, catalog: catalogOf('b') } }
  const cases = [
    [{ destination: 'data:other' }, shown],
    [{ options: { deletes: 'soft' } }, shown],
    [{ options: { schemaDrift: 'ignore' } }, null],
    [{ streams: [{ name: 'a' }] }, null],
  ] as const
  for (const [change, drift] of cases) {
    const { version } = await store.connections.get('shop')
    const connection = { ...found.connection, version }
    expect(await store.drift.settle({ ...found, connection })).toBe(true)
    expect(await store.connections.update('shop', change)).toMatchObject({ drift })
  }
})

test('what changed is part of the run, whatever its names hold', async () => {
  await using place = await openTestStore()
  const { store } = place
  const { settled } = await working(store)
  const change: SchemaChange = {
    name: '\ud800\0"',
    namespace: null,
    change: 'removed',
    addedColumns: [],
    removedColumns: [],
    typeChanges: [],
    primaryKey: null,
    cursor: null,
    syncModes: null,
    columnsLeft: 0,
  }
  const drift = { shown: { ...shown, changes: [change] }, catalog: catalogOf('\0') }
  expect(await store.drift.settle({ ...settled, drift, changes: [change] })).toBe(true)
  expect(await store.runs.find(settled.run)).toMatchObject({ schemaChanges: [change] })
  expect((await store.connections.get('shop')).drift?.changes).toHaveLength(1)
  expect(await store.drift.approve('shop', 'f1')).toBe(true)
})
