import { describe, expect, test } from 'vitest'
import type { Column, RecordData } from '../../../protocol/index.ts'
import { rawJson, stringifyExact } from '../../../protocol/exact-json.ts'
import { conditionTest } from '../../../protocol/rules/evaluate-condition.ts'
import { heldValue } from '../../../protocol/rules/held-value.ts'
import { parseCondition } from '../../../protocol/rules/parse-condition.ts'
import { columnTextOf } from '../../../sinks/postgres/load/overflow-value.ts'
import { columnTypeOf } from '../../../sinks/postgres/tables/column-types.ts'

const columns: readonly Column[] = [
  { name: 'status', kind: 'string' },
  { name: 'email', kind: 'string' },
  { name: 'total_cents', kind: 'integer' },
  { name: 'rate', kind: 'number' },
  { name: 'share', kind: 'double' },
  { name: 'is_paid', kind: 'boolean' },
  { name: 'born', kind: 'date' },
  { name: 'paid_at', kind: 'timestamptz' },
  { name: 'local_at', kind: 'timestamp' },
  { name: 'opens', kind: 'time' },
  { name: 'Odd "name"', kind: 'string' },
  { name: 'payload', kind: 'json' },
]

function passes(condition: string, record: RecordData): boolean {
  const parsed = parseCondition(condition, columns)
  if ('problem' in parsed) throw new Error(`${parsed.problem}. ${parsed.fix}`)
  return conditionTest(parsed.condition)(record)
}

describe('a condition', () => {
  test.each<readonly [string, RecordData, boolean]>([
    ["status = 'paid' and total_cents >= 1000", { status: 'paid', total_cents: 1000 }, true],
    ["status = 'paid' AND total_cents >= 1000", { status: 'paid', total_cents: 999 }, false],
    ["status in ('a', 'it''s')", { status: "it's" }, true],
    ["not status = 'a'", { status: null }, false],
    ["status <> 'a'", {}, false],
    ["not (status = 'a' and is_paid)", { status: null, is_paid: false }, true],
    ["status = 'a' or is_paid", { status: null, is_paid: true }, true],
    ["status not in ('a')", { status: 'b' }, true],
    ["status not in ('a')", { status: null }, false],
    ['status is null', {}, true],
    ['status is not null', { status: '' }, true],
    ["email like '%@example.com'", { email: 'a@example.com' }, true],
    ["email like '%@example.com'", { email: 'a@example.comm' }, false],
    ["email like 'a_c%d'", { email: 'a💥cxd' }, true],
    ["email like '100\\%'", { email: '100%' }, true],
    ["email not like '%x%'", { email: 'abc' }, true],
    ['rate > 0.1', { rate: rawJson('0.10000000000000000001') }, true],
    ['rate = 0.10', { rate: 0.1 }, true],
    ['rate < 99999999999999999999', { rate: 99999999999999999998n }, true],
    ['rate > 5', { rate: Number.NaN }, true],
    ['total_cents = 9007199254740993', { total_cents: 9007199254740993n }, true],
    ['total_cents = 9007199254740993', { total_cents: 9007199254740992n }, false],
    ['total_cents is null', { total_cents: 'many' }, true],
    ['share = 0.1', { share: 0.1 }, true],
    ['is_paid', { is_paid: true }, true],
    ['not is_paid', { is_paid: false }, true],
    ['is_paid <> true', { is_paid: false }, true],
    ["born >= '2000-01-01'", { born: '1999-12-31' }, false],
    ["paid_at = '2026-01-31T18:30:00Z'", { paid_at: '2026-01-31 20:30:00+02' }, true],
    ["paid_at < '2026-02-01'", { paid_at: '2026-01-31T23:59:59.999999Z' }, true],
    ["paid_at > '2026-02-01'", { paid_at: 'infinity' }, true],
    ["local_at >= '2026-01-31 18:30:00'", { local_at: '2026-01-31T18:30:00' }, true],
    ["opens < '18:00:00'", { opens: '08:00:00' }, true],
    ["status < '\uffff'", { status: '💥' }, false],
    ['"Odd ""name""" = \'x\'', { 'Odd "name"': 'x' }, true],
    ['payload is not null', { payload: {} }, true],
    ["status = '1001'", { status: 1001 }, true],
    ["status = '0.10'", { status: rawJson('0.10') }, true],
    ["status = 'true' and status like 't%'", { status: true }, true],
    [`status = '{"a":[1]}'`, { status: { a: [1] } }, true],
    ['rate = 250 and rate is not null', { rate: '250.00' }, true],
    ['rate > 5', { rate: 'Infinity' }, true],
    ['rate is null', { rate: 'many' }, true],
    ['total_cents in (7)', { total_cents: '007' }, true],
    ['total_cents is null', { total_cents: '7.0' }, true],
    ['share = 0.1', { share: '0.10' }, true],
    ['share = 0.1', { share: rawJson('0.1000000000000000055') }, true],
    ["paid_at = '2026-01-31'", { paid_at: '2026-01-31' }, true],
    ["local_at = '2026-01-31 18:30:00'", { local_at: '2026-01-31T18:30' }, true],
    ["opens = '08:00:00'", { opens: '08:00' }, true],
    ['is_paid is null', { is_paid: 'true' }, true],
  ])('%s of %o is %s', (condition, record, truth) => {
    expect(passes(condition, record)).toBe(truth)
  })

  test.each<readonly [string, string, string]>([
    ["stauts = 'paid'", 'character 1: the stream has no column "stauts"', 'Did you mean `status`?'],
    ['status = "paid"', 'character 10: `"paid"` in the place of a value', "single quotes: 'paid'"],
    ['status = paid', 'character 10: `paid` in the place of a value', "'paid'"],
    ["status == 'a'", 'character 8: `==` is not a part', 'Write `=`'],
    ["status = 'a' && is_paid", 'character 14: `&&` is not a part', 'Write `and`'],
    ['status = null', 'character 10: nothing is equal to NULL', '`status is null`'],
    ["total_cents = '5'", 'character 15: total_cents is a number', 'without quotes: `5`'],
    ['status = 5', 'character 10: status is a text', "'5'"],
    ["born > 'yesterday'", 'character 8: born is a date', "'2026-01-31'"],
    ["local_at > '2026-01-31T00:00:00Z'", 'local_at is a timestamp without a zone', '2026-01-31'],
    ["'paid' = status", "character 1: `'paid'` in the place of a column", 'the column first'],
    ["status = 'a", 'character 10: the quote is never closed', 'closing quote'],
    ["status in 'a'", 'character 11: a `(` is missing', 'status in (VALUE'],
    ["(status = 'a'", 'a `)` is missing', 'Close'],
    ["status = 'a' is_paid", 'character 14: `is_paid` does not belong here', '`and` or `or`'],
    ['is_paid > false', 'character 9: is_paid is true or false', '`is_paid = true`'],
    ["payload = 'a'", 'values of payload (json) cannot be compared', 'payload is null'],
    ["total_cents like '1%'", 'total_cents is not a text', 'Use ='],
    ["email like 'a\\'", 'the pattern ends in a backslash', '\\\\'],
    ['status', 'the condition ends in the place of a comparison', '`status = VALUE`'],
    ['status is 5', '`5` after `is`', 'status is null'],
    ['share = 0', '', ''],
  ])('%s: %s', (condition, problem, fix) => {
    const parsed = parseCondition(condition, columns)
    if (problem === '') expect(parsed).toHaveProperty('condition')
    else {
      expect(parsed).toHaveProperty('problem', expect.stringContaining(problem))
      expect(parsed).toHaveProperty('fix', expect.stringContaining(fix))
    }
  })

  test('takes a value for NULL only if the column that is made for its kind cannot hold it', () => {
    const values = [
      ...['x', '5', '+5', '5.0', '1e3', 'NaN', '-infinity', 'true', '08:00', '08:00:00.5'],
      ...['2026-01-31', '2026-01-31T18:30', '2026-01-31 18:30:00+02', '2026-02-31T00:00:00'],
      ...[5, 5.5, 1e300, true, {}, ['a'], rawJson('1.00000000000000000001')],
      ...[9007199254740993n, 2n ** 80n],
    ]
    const kinds = ['string', 'integer', 'number', 'double', 'boolean', 'date', 'timestamp'] as const
    for (const kind of [...kinds, 'timestamptz', 'time'] as const)
      for (const value of values) {
        const isNull = heldValue(kind, value) === null
        const isUnheld =
          columnTextOf(stringifyExact(value), columnTypeOf(kind)) === undefined ||
          // The server refuses the day.
          (value === '2026-02-31T00:00:00' && kind.startsWith('timestamp'))
        expect([kind, value, isNull]).toEqual([kind, value, isUnheld])
      }
  })

  test('is never nested so deeply that it ends the program', () => {
    const deep = `${'('.repeat(5_000)}is_paid${')'.repeat(5_000)}`
    expect(parseCondition(deep, columns)).toHaveProperty(
      'problem',
      expect.stringContaining('levels'),
    )
  })
})
