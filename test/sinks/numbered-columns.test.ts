import { expect, test } from 'vitest'
import { findOtherColumns } from '../../sinks/numbered-columns.ts'
import type { NumberedColumns, SinkStream } from '../../sinks/sink.ts'

const before: NumberedColumns = {
  table: 16_384,
  shown: [
    ['id', 1],
    ['note', 3],
    ['is_test', 4],
    ['is_paid', 5],
  ],
  hidden: [['email', 2]],
  compared: ['is_test'],
}

function sinkWith(numbered: NumberedColumns): SinkStream {
  return {
    connection: 'shop',
    stream: {
      stream: { name: 'people', json_schema: {}, supported_sync_modes: ['full_refresh'] },
      sync_mode: 'full_refresh',
      destination_sync_mode: 'overwrite',
    },
    columns: [],
    mode: 'overwrite',
    metadata: 'full',
    deletes: 'hard',
    rules: { masked: [], numbered },
  }
}

/** The field of the refusal. */
function refused(now: Partial<NumberedColumns>, run = 1): unknown {
  const last = { settings: { numbered: before }, run }
  return findOtherColumns(last, sinkWith({ ...before, ...now }))?.details.field
}

function shown(...columns: readonly (readonly [string, number])[]): Partial<NumberedColumns> {
  return { shown: [['id', 1], ...columns] }
}

const swapped = { ...shown(['note', 2], ['is_test', 4]), hidden: [['email', 3]] } as const

test('a column that was hidden is not read under another name, until a reset confirms it', () => {
  expect(refused(swapped)).toBe('columns')
  expect(refused({ ...shown(['mail', 2]), hidden: [] })).toBe('columns')
  expect(refused(swapped, 0)).toBeUndefined()
  expect(findOtherColumns(undefined, sinkWith(before))).toBeUndefined()
})

test('a column that stays hidden, or is shown by the rules under its own name, may be read', () => {
  expect(refused({ ...shown(['email', 3]), hidden: [['note', 2]] })).toBeUndefined()
  expect(refused({ shown: [...before.shown, ['email', 2]], hidden: [] })).toBeUndefined()
  // A new column in place of one that was dropped, and another table.
  expect(refused({ hidden: [['email', 9]] })).toBeUndefined()
  expect(refused({ ...swapped, table: 16_385 })).toBeUndefined()
})

test('a condition does not compare another column than before, unless that took the place of a dropped one', () => {
  expect(refused(shown(['is_test', 5], ['is_paid', 4]))).toBe('where')
  expect(refused(shown(['is_test', 5]))).toBe('where')
  expect(refused(shown(['is_test', 9], ['was_test', 4]))).toBe('where')
  expect(refused(shown(['is_test', 9]))).toBeUndefined()
  expect(refused({ ...shown(['is_test', 5], ['is_paid', 4]), compared: ['is_paid'] })).toBe(
    undefined,
  )
})
