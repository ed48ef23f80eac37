import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { newFolder } from '../support/new-folder.ts'
import { usually } from '../support/long.ts'

test.each(
  usually(1, [
    ['connect --help', 0],
    ['connect source --help', 0],
    ['connect catalog list', 130],
  ]),
)('%s into a pipe that nobody reads ends quietly', async (command, code) => {
  const line = `"${process.execPath}" cli/main.ts ${command} | true; echo "\${PIPESTATUS[0]}"`
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', line])
  expect({ code: stdout.trim(), stderr }).toEqual({ code: String(code), stderr: '' })
})

async function unreachable(): Promise<string> {
  const file = join(await newFolder('pipe'), 'run.yaml')
  const content = {
    connection: 'shop',
    source: { type: 'faker', config: { streams: [{ name: 'users', rows: 1 }] } },
    destination: {
      type: 'postgres',
      config: { host: '127.0.0.1', port: 1, user: 'x', password: 'y', database: 'z' },
    },
  }
  await writeFile(file, JSON.stringify(content))
  return file
}

test.skipIf(process.platform !== 'linux')(
  'a run whose stdout is full or has no reader says so, with the reason',
  async () => {
    const run = `"${process.execPath}" cli/main.ts connect run '${await unreachable()}' --json`
    for (const [to, reason] of [
      ['> /dev/full', 'ENOSPC: no space left on device, write'],
      ['| true', 'nobody reads it (EPIPE)'],
    ]) {
      const { stderr } = await promisify(execFile)('bash', ['-c', `${run} ${to}; true`])
      expect(stderr).toContain(`stdout cannot be written: ${reason}\n`)
    }
  },
)

test.skipIf(process.platform !== 'linux')(
  'a list on a full disk fails with the reason',
  async () => {
    const line = `"${process.execPath}" cli/main.ts connect catalog list > /dev/full`
    await expect(promisify(execFile)('bash', ['-c', line])).rejects.toMatchObject({
      code: 1,
      stderr: 'error: stdout cannot be written: ENOSPC: no space left on device, write\n',
    })
  },
)
