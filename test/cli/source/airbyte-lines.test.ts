import { expect, test } from 'vitest'
import { PyFloat } from '../../../manifest-interpreter/value/value.ts'
import { AirbyteLines } from '../../../cli/source/airbyte-lines.ts'

test('an error and a status contain the beginning of what an API said', async () => {
  const written: string[] = []
  const write = (text: string): Promise<void> => Promise.resolve(void written.push(text))
  const lines = new AirbyteLines(write, () => 0)
  const message = 'm'.repeat(5_000_000)
  await lines.failure({ message, failureType: 'system_error', internalMessage: message })
  await lines.connectionStatus({ status: 'FAILED', message })
  expect(written).toHaveLength(2)
  for (const line of written) {
    expect(line.length).toBeLessThan(5_000)
    expect(line).toContain('mmm… (cut: 5,000,000 characters)"')
  }
})

test('each record of a page is a line, whatever is in it', async () => {
  const written: string[] = []
  const write = (text: string): Promise<void> => Promise.resolve(void written.push(text))
  const lines = new AirbyteLines(write, () => 7)
  const records = [
    { texts: ['!', String.raw`"\u0021"`, String.raw`,"\u0021",`, '},{"', 'two\nlines'] },
    {},
    { id: 12_345_678_901_234_567_890n, rate: new PyFloat(1), '"': [[], {}] },
  ]
  await lines.records('items', records)
  await lines.records('items', [])
  const head = '{"type":"RECORD","record":{"stream":"items","data":'
  expect(written.join('').split('\n')).toEqual([
    `${head}${JSON.stringify(records[0])},"emitted_at":7}}`,
    `${head}{},"emitted_at":7}}`,
    `${head}{"id":12345678901234567890,"rate":1.0,"\\"":[[],{}]},"emitted_at":7}}`,
    '',
  ])
})
