import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { MissingMessages } from '../../engine/topics/missing-messages.ts'
import { TableRebuild } from '../../engine/topics/rebuild-table.ts'
import { stringifyExact, type RecordData, type RecordValue } from '../../protocol/index.ts'
import { recordedMessages, recordedTable, recordedTopics } from './recording.ts'
import { comparableRows, differences } from './table-rows.ts'

describe.each(recordedTopics())('%s', (topic) => {
  const messages = recordedMessages(topic)

  test('gives the rows of its table to a reader', () => {
    const rebuild = new TableRebuild(topic)
    const missing = new MissingMessages(topic)
    for (const { offset, headers, ...rest } of messages) {
      const message = {
        ...{ ...rest, offset: BigInt(offset) },
        headers: new Map(Object.entries(headers)),
      }
      rebuild.take(message)
      missing.take(message)
    }
    missing.check(rebuild.syncs())
    const rows = rebuild.rows().map(printed)
    const expected = recordedTable(topic).map(withoutOwnColumns)
    expect(expected.length).toBeGreaterThan(50)
    expect(differences(comparableRows(expected), comparableRows(rows))).toEqual([])
  })

  test('has what a consumer must know: a killed attempt, another schema, rejected and deleted rows', () => {
    const messagesOf = (type: string): string[] =>
      messages
        .filter(({ headers }) => headers.type === type)
        .map(({ headers }) => headers.attempt ?? '')
    const ended = new Set(messagesOf('SYNC_END'))
    expect(messagesOf('PLAN').filter((attempt) => !ended.has(attempt))).not.toEqual([])
    expect(messagesOf('REJECTED')).not.toEqual([])
    const fingerprints = messages.flatMap(({ headers }) => headers.fingerprint ?? [])
    expect(new Set(fingerprints).size).toBeGreaterThan(2)
    expect(new Set(messagesOf('SYNC_END')).size).toBeGreaterThan(2)
  })
})

test('the recording has streams in several partitions, and attempts that were killed after they had written records', () => {
  const all = recordedTopics().map((topic) => recordedMessages(topic))
  const partitions = all.map((messages) => new Set(messages.map((each) => each.partition)).size)
  expect(partitions.filter((count) => count > 1).length).toBeGreaterThanOrEqual(4)
  const cut = all.filter((messages) => {
    const attempts = (type: string): Set<string> =>
      new Set(messages.filter((m) => m.headers.type === type).map((m) => m.headers.attempt ?? ''))
    const ended = attempts('SYNC_END')
    return [...attempts('STATE')].some((attempt) => !ended.has(attempt))
  })
  expect(cut.length).toBeGreaterThanOrEqual(4)
})

/** A row of the reader as the recording prints it. */
function printed(row: RecordData): string {
  return stringifyExact(
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, printedValue(value)])),
  )
}

function printedValue(value: RecordValue | undefined): RecordValue {
  if (value === undefined || value === null) return null
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return shortest(typeof value === 'string' ? value : stringifyExact(value))
}

/** A recorded row with what the reader gives of it: the values of its columns. */
function withoutOwnColumns(line: string): string {
  const row = z.record(z.string(), z.json()).parse(JSON.parse(line))
  const columns = Object.entries(row).filter(([name]) => name !== '_airbyte_extracted_at')
  return stringifyExact(
    Object.fromEntries(columns.map(([name, value]) => [name, printedValue(value)])),
  )
}

/** Without zeros at the end of a fraction: the reader gives a decimal as a number if a double has it. */
function shortest(text: string): string {
  return text.replace(/(\.\d*?)0+(?=Z?$)/, (_, kept: string) => (kept === '.' ? '' : kept))
}
