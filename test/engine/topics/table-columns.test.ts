import { expect, test } from 'vitest'
import { TableColumns } from '../../../engine/topics/table-columns.ts'
import type { Column } from '../../../protocol/index.ts'

function begin(table: TableColumns, sync: number, columns: readonly Column[]): void {
  table.take({
    partition: 0,
    offset: 0n,
    key: null,
    headers: new Map([['type', 'BEGIN'], ['sync', String(sync)]]), // prettier-ignore
    value: Buffer.from(JSON.stringify({ columns, schema: {} })),
  })
}

test('a table has the columns of all of its syncs, each of a type that holds all values', () => {
  const table = new TableColumns('topic')
  begin(table, 1, [{ name: 'id', kind: 'integer' }, { name: 'gone', kind: 'date' }, { name: 'day', kind: 'date' }]) // prettier-ignore
  begin(table, 2, [{ name: 'id', kind: 'number' }, { name: 'day', kind: 'timestamp' }, { name: 'added', kind: 'boolean' }]) // prettier-ignore
  begin(table, 3, [{ name: 'id', kind: 'integer' }, { name: 'day', kind: 'time' }, { name: 'added', kind: 'json' }]) // prettier-ignore
  expect(table.columnsOf([1, 2, 3])).toEqual([
    { name: 'id', kind: 'number' },
    { name: 'gone', kind: 'date' },
    { name: 'day', kind: 'string' },
    { name: 'added', kind: 'json' },
  ])
  expect(table.columnsOf([3])).toEqual([
    { name: 'id', kind: 'integer' },
    { name: 'day', kind: 'time' },
    { name: 'added', kind: 'json' },
  ])
})
