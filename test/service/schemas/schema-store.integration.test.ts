import { expect, test } from 'vitest'
import { wireSchema, type Column, type StreamId } from '../../../protocol/index.ts'
import { storeSchemas } from '../../../service/run-worker/store-schemas.ts'
import type { SchemaStore } from '../../../service/schemas/contract.ts'
import { openTestStore } from '../../support/open-test-store.ts'

const id: Column = { name: 'id', kind: 'integer' }
const note: Column = { name: 'note', kind: 'string' }
const users: StreamId = { name: 'users', namespace: 'public' }

/** As a run does it that is about to carry these records. */
async function carry(
  schemas: SchemaStore,
  run: string | { readonly run: string; readonly connection: string },
  streams: readonly (readonly [StreamId, readonly Column[]])[],
): Promise<void> {
  const by = typeof run === 'string' ? { run, connection: 'shop' } : run
  const { connection } = by
  const planned = streams.map(([{ name, namespace }, columns]) => ({
    ...({ connection, columns, mode: 'append', metadata: 'full', deletes: 'hard' } as const),
    stream: {
      ...({ sync_mode: 'full_refresh', destination_sync_mode: 'append' } as const),
      stream: {
        name,
        ...(namespace !== undefined && { namespace }),
        json_schema: {},
        supported_sync_modes: ['full_refresh' as const],
      },
    },
  }))
  await storeSchemas({ connection, streams: planned }, by.run, schemas)
}

test('a stream’s schemas have versions in the order in which runs carried them, and none twice', async () => {
  await using place = await openTestStore()
  const { schemas } = place.store
  await carry(schemas, 'run_1', [[users, [id]]])
  await carry(schemas, 'run_2', [[users, [id, note]]])
  await carry(schemas, 'run_3', [[users, [id]]])
  await carry(schemas, 'run_4', [[users, [note, id]]])
  const { items } = await schemas.list({})
  expect(items.map(({ version, run }) => [version, run])).toEqual([
    [3, 'run_4'],
    [2, 'run_2'],
    [1, 'run_1'],
  ])
})

test('a schema is found by the fingerprint of a block and by that of a record', async () => {
  await using place = await openTestStore()
  const { schemas } = place.store
  await carry(schemas, 'run_1', [[users, [id, note]]])
  const wire = wireSchema(users, [id, note])
  const use = {
    connection: 'shop',
    name: 'users',
    namespace: 'public',
    version: 1,
    run: 'run_1',
    recordFingerprint: wire.recordFingerprint.hex,
    blockFingerprint: wire.fingerprint.hex,
  }
  expect(await schemas.get(wire.fingerprint.hex)).toMatchObject({
    fingerprint: wire.fingerprint.hex,
    framing: 'block',
    schema: wire.blockSchema,
    usedBy: [use],
  })
  expect(await schemas.get(wire.recordFingerprint.hex)).toMatchObject({
    fingerprint: wire.recordFingerprint.hex,
    framing: 'record',
    schema: wire.recordSchema,
    usedBy: [use],
  })
  await expect(schemas.get('0000000000000000')).rejects.toMatchObject({ code: 'schema_not_found' })
})

test('two connections share a schema and count their own versions', async () => {
  await using place = await openTestStore()
  const { schemas } = place.store
  const connection = 'other'
  await carry(schemas, { run: 'run_1', connection }, [[users, [note]]])
  await carry(schemas, { run: 'run_2', connection }, [[users, [id]]])
  await carry(schemas, 'run_3', [[users, [id]]])
  const { usedBy } = await schemas.get(wireSchema(users, [id]).fingerprint.hex)
  expect(usedBy.map((use) => [use.connection, use.version])).toEqual([
    ['shop', 1],
    ['other', 2],
  ])
})

test('a list is filtered and comes in pages', async () => {
  await using place = await openTestStore()
  const { schemas } = place.store
  const names = ['a', 'b', 'a "b"\0', '']
  await carry(
    schemas,
    'run_1',
    names.map((name) => [{ name }, [id]]),
  )
  const other = { run: 'run_2', connection: 'other' }
  await carry(schemas, other, [[{ name: 'a', namespace: '' }, [id]]])
  const first = await schemas.list({ limit: 2 })
  const second = await schemas.list({ limit: 2, cursor: first.next ?? '' })
  const third = await schemas.list({ limit: 2, cursor: second.next ?? '' })
  expect(third.next).toBeNull()
  const all = [...first.items, ...second.items, ...third.items]
  expect(all.map(({ connection, namespace }) => [connection, namespace])).toEqual([
    ['other', ''],
    ...names.map(() => ['shop', null]),
  ])
  expect((await schemas.list({ connection: 'shop' })).items).toHaveLength(4)
  const both = await schemas.list({ stream: 'a' })
  expect(both.items.map(({ connection }) => connection)).toEqual(['other', 'shop'])
  expect((await schemas.list({ connection: 'other', stream: 'b' })).items).toEqual([])
})

test('several processes can store the same schema at the same time', async () => {
  await using place = await openTestStore()
  const { schemas } = place.store
  await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      carry(schemas, { run: `run_${String(n)}`, connection: `c${String(n)}` }, [[users, [id]]]),
    ),
  )
  await Promise.all(Array.from({ length: 8 }, () => carry(schemas, 'run_9', [[users, [note]]])))
  expect((await schemas.list({ connection: 'shop' })).items).toHaveLength(1)
  expect((await schemas.list({})).items).toHaveLength(9)
})
