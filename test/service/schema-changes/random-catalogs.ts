import * as fc from 'fast-check'
import type { AirbyteCatalog, AirbyteStream, JsonObject } from '../../../protocol/index.ts'

const property = fc.constantFrom<JsonObject>(
  { type: 'integer' },
  { type: 'number' },
  { type: ['null', 'string'] },
  { type: 'string', format: 'date-time' },
  { type: 'object', properties: { a: { type: 'string' } } },
  {},
)
const names = fc.constantFrom('id', 'a', 'b', 'A', '__proto__', '7', 'ä"', '')
const path = fc.array(names, { minLength: 1, maxLength: 2 })
const stream: fc.Arbitrary<AirbyteStream> = fc.record(
  {
    name: fc.constantFrom('orders', 'users', '["orders"]', ''),
    namespace: fc.constantFrom('', 'public', 'null'),
    json_schema: fc
      .array(fc.tuple(names, property), { maxLength: 5 })
      .map((properties): JsonObject => ({ properties: Object.fromEntries(properties) })),
    supported_sync_modes: fc.constantFrom<AirbyteStream['supported_sync_modes']>(
      ['full_refresh'],
      ['incremental', 'full_refresh'],
      ['full_refresh', 'incremental'],
    ),
    source_defined_primary_key: fc.array(path, { maxLength: 2 }),
    default_cursor_field: path,
    source_defined_cursor: fc.boolean(),
  },
  { requiredKeys: ['name', 'json_schema', 'supported_sync_modes'] },
)

/** A few streams with a few columns, all of them from few names: two catalogs have much in common. */
export const catalogs: fc.Arbitrary<AirbyteCatalog> = fc
  .uniqueArray(stream, {
    maxLength: 4,
    selector: ({ name, namespace }) => JSON.stringify([name, namespace ?? null]),
  })
  .map((streams) => ({ streams }))
