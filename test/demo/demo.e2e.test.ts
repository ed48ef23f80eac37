import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const demo = new URL('../../scripts/demo/main.ts', import.meta.url).pathname

test('the demo replicates, replicates a change, and shows that nothing differs', async () => {
  const { stdout, stderr } = await run(process.execPath, [demo], { timeout: 60_000 })
  expect(stderr).not.toMatch(/warning/i)
  expect(`${stdout}\n${stderr}`.match(/^run complete: 4 of 4 streams/gm)).toHaveLength(2)
  const lines = stdout.split('\n')
  const arrived = lines.slice(lines.findIndex((line) => line.startsWith('What arrived')) + 1)
  expect(arrived.filter((line) => line.includes(' rows, equal; state '))).toHaveLength(4)
})
