import { expect, test } from 'vitest'
import { checksum, unloggedColumns } from '../../connectors/postgres/cdc/column-changes.ts'

const [int4, int8, text, varchar, numeric] = [23, 20, 25, 1043, 1700] as const

function column(
  name: string,
  number: number,
  {
    type = int4,
    modifier = -1,
    fills = false,
  }: Partial<{ type: number; modifier: number; fills: boolean }> = {},
) {
  return { name, number, type, modifier, fills }
}

const saved = [
  [1, int4, -1, checksum('id')],
  [2, text, -1, checksum('note')],
] as const

test('columns whose older values the log does not have', () => {
  const same = [column('id', 1), column('note', 2, { type: text })]
  expect(unloggedColumns(saved, same)).toEqual([])
  expect(unloggedColumns(undefined, same)).toEqual([])
  // An integer that became a bigint, and text of another limit, are written alike.
  expect(
    unloggedColumns(saved, [column('id', 1, { type: int8 }), column('note', 2, { type: varchar })]),
  ).toEqual([])
  expect(unloggedColumns(saved, [column('id', 1, { type: numeric })])).toEqual(['id'])
  expect(unloggedColumns(saved, [...same, column('plain', 3)])).toEqual([])
  expect(unloggedColumns(saved, [...same, column('fixed', 3, { fills: true })])).toEqual(['fixed'])
  expect(unloggedColumns(saved, [column('id', 1), column('remark', 2, { type: text })])).toEqual([
    'remark',
  ])
  // Dropped and added again under its name: another column.
  expect(
    unloggedColumns(saved, [column('id', 1), column('note', 3, { type: text, fills: true })]),
  ).toEqual(['note'])
})
