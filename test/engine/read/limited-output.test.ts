import { describe, expect, test } from 'vitest'
import { LimitedOutput } from '../../../engine/read/limited-output.ts'
import type { RecordOutput } from '../../../connectors/connector.ts'
import type { JsonValue, RecordData } from '../../../protocol/index.ts'

class Taken implements RecordOutput {
  readonly data: RecordData[] = []
  text = ''
  readonly states: JsonValue[] = []

  records(batch: readonly RecordData[]): Promise<void> {
    this.data.push(...batch)
    return Promise.resolve()
  }

  copyText(lines: Uint8Array): Promise<void> {
    this.text += Buffer.from(lines).toString()
    return Promise.resolve()
  }

  state(state: JsonValue): Promise<void> {
    this.states.push(state)
    return Promise.resolve()
  }

  rateLimited(): void {
    return undefined
  }
}

const records = (count: number): RecordData[] => Array.from({ length: count }, (_, id) => ({ id }))
const lines = (count: number): Buffer =>
  Buffer.from(Array.from({ length: count }, (_, id) => `${String(id)}\ta\\nb\n`).join(''))

describe('a limited output', () => {
  test('takes no record beyond the limit, and ends the read there', async () => {
    const taken = new Taken()
    const output = new LimitedOutput(taken, 5)
    await output.records(records(3))
    await expect(output.records(records(3))).rejects.toThrow('as many records as it may')
    expect(taken.data).toHaveLength(5)
    expect(output.signal.aborted).toBe(true)
    await expect(output.records(records(1))).rejects.toThrow('as many records as it may')
    expect(taken.data).toHaveLength(5)
  })

  test('does not cut a read that gives exactly as many', async () => {
    const taken = new Taken()
    const output = new LimitedOutput(taken, 5)
    await output.records(records(5))
    await output.records([])
    await output.state({ done: true })
    expect(output.signal.aborted).toBe(false)
    expect(taken.states).toEqual([{ done: true }])
  })

  test('counts the rows of a COPY by their lines', async () => {
    const taken = new Taken()
    const output = new LimitedOutput(taken, 5)
    await output.copyText(lines(3))
    await expect(output.copyText(lines(3))).rejects.toThrow('as many records as it may')
    expect(taken.text.split('\n')).toHaveLength(6)
    expect(taken.text.startsWith('0\ta\\nb\n1\t')).toBe(true)
  })

  test('knows what the records held', async () => {
    const output = new LimitedOutput(new Taken(), 3)
    await output.records([
      { id: 1, at: '2024-01-01', more: { a: 1 } },
      { id: 2.5, at: 'soon', more: null },
      { id: 3n, at: '2024-01-01T00:00:00Z' },
    ])
    expect(output.observed.fields).toEqual([
      { name: 'id', types: { integer: 2, number: 1 } },
      { name: 'at', types: { date: 1, string: 1, 'date-time': 1 } },
      { name: 'more', types: { object: 1, null: 1 } },
    ])
  })
})
