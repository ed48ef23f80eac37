import { expect, test } from 'vitest'
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
