import { expect, test } from 'vitest'
import { resolveStreams } from '../../../plan/streams/resolve-streams.ts'
import { catalogHash } from '../../../service/sandboxes/catalog-hash.ts'
import { instanceHash } from '../../../service/sandboxes/instance-hash.ts'
import { bindingFormat } from '../../../service/sandboxes/promotion-binding.ts'
import type { AirbyteStream, JsonObject } from '../../../protocol/index.ts'

const id = { type: 'integer' }
const name = { type: ['null', 'string'] }

function stream(properties: JsonObject, change: Partial<AirbyteStream> = {}): AirbyteStream {
  return {
    name: 'users',
    json_schema: { type: 'object', properties },
    supported_sync_modes: ['full_refresh', 'incremental'],
    source_defined_primary_key: [['id']],
    ...change,
  }
}

function hashOf(...streams: AirbyteStream[]): string {
  const selection = { connection: 'c', streams: 'all', defaults: {} } as const
  const kept = { ...selection, metadata: 'full', deletes: 'hard' } as const
  return catalogHash(resolveStreams({ streams }, kept).streams)
}

test('the order of streams and columns, and descriptions, do not change the hash of a catalog', () => {
  const other = stream({ id }, { name: 'orders' })
  const before = hashOf(stream({ id, name }), other)
  expect(hashOf(other, stream({ name, id }))).toBe(before)
  const described = { type: ['null', 'string'], description: 'how they are called' }
  expect(hashOf(stream({ id, name: described }), other)).toBe(before)
})

test('another content of a hash has another format', () => {
  // Hashes that differ here: raise `bindingFormat`, so that holders of tokens of the version before get the
  // true reason.
  const instance = { id: 'ins_1', type: 'faker', config: { rows: 1 } }
  expect({
    format: bindingFormat,
    catalog: hashOf(stream({ id, name })),
    instance: instanceHash(instance),
  }).toMatchInlineSnapshot(`
    {
      "catalog": "2fd764b1f55cdf7ff7e639238fbab6c423b5a54dc280316ef4275b32487b635d",
      "format": 3,
      "instance": "cbdfaccd85c562838ecf2800c2acb049dda7a762fdc9155d29a0295532f50c00",
    }
  `)
})

test('everything that changes what a run does changes the hash of a catalog', () => {
  const before = hashOf(stream({ id, name }))
  const others = [
    [stream({ id })],
    [stream({ id, name, age: id })],
    [stream({ id, name: id })],
    [stream({ id: { ...id, postgres_type: { name: 'bigint' } }, name })],
    [stream({ id, name }, { name: 'people' })],
    [stream({ id, name }, { namespace: 'public' })],
    [stream({ id, name }, { source_defined_primary_key: [['name']] })],
    [stream({ id, name }, { default_cursor_field: ['id'] })],
    [stream({ id, name }), stream({ id }, { name: 'orders' })],
    [],
  ]
  const hashes = others.map((streams) => hashOf(...streams))
  expect(new Set([before, ...hashes]).size).toBe(others.length + 1)
})
