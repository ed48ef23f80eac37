import { expect, test } from 'vitest'
import { ConnectError } from '../../protocol/index.ts'
import { refusedChange } from '../../sinks/postgres/tables/column-uses.ts'

const table = { schema: 'dest', table: 't' }
const widened = [{ column: 'v', type: 'text' }]

function refusal(sqlstate: string): ConnectError {
  const details = { sqlstate, reason: 'cannot alter type of a column', host: 'h', port: 1 }
  return new ConnectError('destination_query_failed', { details })
}

test('a refusal to alter a type that was not foreseen names the column and what to do', () => {
  for (const sqlstate of ['0A000', '42804', '42883', '42P16']) {
    const error = refusedChange(refusal(sqlstate), table, widened)
    expect(error).toMatchObject({
      code: 'destination_column_in_use',
      message: expect.stringContaining(
        `cannot alter type of a column ("v" to text; SQLSTATE ${sqlstate})`,
      ) as unknown,
      suggestedFix: expect.stringContaining('\\d+ "dest"."t"') as unknown,
    })
  }
})

test('other errors, and those of a change that alters no type, stay what they are', () => {
  const lost = refusal('57P01')
  expect(refusedChange(lost, table, widened)).toBe(lost)
  const other = refusal('42883')
  expect(refusedChange(other, table, [])).toBe(other)
})
