import { expect, test } from 'vitest'
import type { PlannedStream } from '../../../engine/run-types.ts'
import { withForms } from '../../../engine/run/source-reading.ts'
import { asOwnText, columnsOf, type JsonObject } from '../../../protocol/index.ts'

test('a renamed column that the destination takes as its own text is read as such, and a masked one is not', () => {
  const list = { type: ['null', 'array'], postgres_type: { name: 'integer', array: true } }
  const configured = (properties: JsonObject): PlannedStream['stream'] => ({
    stream: { name: 's', json_schema: { properties }, supported_sync_modes: ['full_refresh'] },
    sync_mode: 'full_refresh',
    destination_sync_mode: 'append',
  })
  const read = configured({ list, hidden: list })
  const mask = { as: 'null' } as const
  const planned: PlannedStream = {
    connection: 'c',
    stream: configured({ numbers: list, hidden: list }),
    columns: [],
    mode: 'append',
    metadata: 'full',
    deletes: 'hard',
    source: {
      stream: read,
      rules: {
        columns: [
          { name: 'list', kind: 'json', newName: 'numbers' },
          { name: 'hidden', kind: 'json', newName: 'hidden', mask },
        ],
        conditionSchemas: {},
        passesUndeclared: false,
        excluded: [],
      },
    },
  }
  const stream = configured({ numbers: asOwnText(list), hidden: asOwnText(list) })
  const columns = columnsOf(stream.stream.json_schema)
  const typed = withForms(planned, { ...planned, stream, columns })
  expect(typed.columns).toBe(columns)
  expect(typed.source?.stream.stream.json_schema).toEqual({
    properties: { list: asOwnText(list), hidden: list },
  })
  expect(typed.source?.rules.columns.map(({ kind }) => kind)).toEqual(['string', 'json'])
})
