import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test.each([
  ['connect --help', 0],
  ['connect catalog list', 130],
])('%s into a pipe that nobody reads ends quietly', async (command, code) => {
  const line = `"${process.execPath}" cli/main.ts ${command} | true; echo "\${PIPESTATUS[0]}"`
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', line])
  expect({ code: stdout.trim(), stderr }).toEqual({ code: String(code), stderr: '' })
})
