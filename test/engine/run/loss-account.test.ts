import { expect, test } from 'vitest'
import { LossAccount } from '../../../engine/run/loss-account.ts'
import type { LaneStats, Loss } from '../../../sinks/sink.ts'

function stats(counts: Partial<LaneStats>, losses: readonly Loss[] = []): LaneStats {
  const seconds = { copySeconds: 0, mergeSeconds: 0, commitSeconds: 0 }
  const none = { loaded: 0, rejected: 0, nulled: 0, cut: 0, deleted: 0 }
  return { ...none, ...seconds, ...counts, losses }
}

const table = 'the table reactor_connect.rejected_records'

test('a stream that lost nothing has no warnings', () => {
  const account = new LossAccount()
  account.add(stats({ loaded: 10 }))
  expect(account.warnings(table)).toEqual([])
})

test('one of each is told in the singular, with the row', () => {
  const account = new LossAccount()
  account.add(
    stats({ rejected: 1, nulled: 1, cut: 1 }, [
      { kind: 'rejected', subject: 'too large', key: '[1]' },
      { kind: 'nulled', subject: 'day', key: '[2]' },
      { kind: 'cut', subject: 'doc' },
    ]),
  )
  expect(account.warnings(table)).toEqual([
    '1 record was rejected: too large (row [1]); the table reactor_connect.rejected_records has them all',
    '1 value became NULL, because its column cannot hold it: day (row [2])',
    '1 value was shortened, because its column cannot hold all of it: doc',
  ])
})

test('rows that the source marks as deleted are told once, with the column and what to do', () => {
  const account = new LossAccount()
  account.add(stats({ loaded: 3, deleted: 1 }))
  const [warning = ''] = account.warnings(table)
  expect(warning).toBe(
    'Column _ab_cdc_deleted_at marks deleted rows: 1 row that was read has a value in it, and was loaded as a deletion. To keep such rows, set `deletes: soft`, or leave the column out of `columns`.',
  )
  account.add(stats({ loaded: 2000, deleted: 1500 }))
  expect(account.warnings(table)).toEqual([
    expect.stringContaining(
      ': 1,501 rows that were read have a value in it, and were loaded as deletions.',
    ),
  ])
})

test('a warning can be stored whatever fields and keys are called', () => {
  const account = new LossAccount()
  const key = `["${'x'.repeat(77)}😀"]`
  account.add(stats({ nulled: 1 }, [{ kind: 'nulled', subject: 'a\0\ud83d', key }]))
  const [warning = ''] = account.warnings(undefined)
  expect(warning.isWellFormed()).toBe(true)
  expect(warning).not.toContain('\0')
})

test('commits add up; the first reason and a few keys are told, each once and cut where they are long', () => {
  const account = new LossAccount()
  const rejected = (key: string): Loss => ({
    kind: 'rejected',
    subject: `${key} is too large`,
    key,
  })
  account.add(stats({ rejected: 1_000 }, [rejected('[1]'), rejected('[1]')]))
  account.add(
    stats({ rejected: 500 }, ['[2]', `["${'x'.repeat(200)}"]`, '[4]', '[5]', '[6]'].map(rejected)),
  )
  const [warning = ''] = account.warnings(undefined)
  expect(account.rejected).toBe(1_500)
  expect(warning).toBe(
    `1,500 records were rejected: [1] is too large (rows [1], [2], ["${'x'.repeat(78)}…, [4], [5] and others)`,
  )
})

const none = { loaded: 0, rejected: 0, nulled: 0, cut: 0 }

test('what an earlier start of the run lost is in the total, and told apart', () => {
  const account = new LossAccount()
  account.add(
    stats({ rejected: 2, nulled: 1 }, [
      { kind: 'rejected', subject: 'too large', key: '[7]' },
      { kind: 'rejected', subject: 'too large', key: '[8]' },
      { kind: 'nulled', subject: 'day', key: '[9]' },
    ]),
  )
  expect(account.warnings(table, { ...none, rejected: 1_000, nulled: 4, cut: 1 })).toEqual([
    '1,002 records were rejected, 1,000 of them in an earlier start: too large (rows [7], [8] and others); the table reactor_connect.rejected_records has them all',
    '5 values became NULL, 4 of them in an earlier start, because their columns cannot hold them: day (rows [9] and others); `_airbyte_meta` of each row names them',
    '1 value was shortened in an earlier start, because its column cannot hold all of it; `_airbyte_meta` of each row names them',
  ])
})

test('a start that lost nothing itself tells what earlier ones did', () => {
  expect(new LossAccount().warnings(table, { ...none, rejected: 3 })).toEqual([
    '3 records were rejected in an earlier start; the table reactor_connect.rejected_records has them all',
  ])
})
