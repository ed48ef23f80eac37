import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { loadedModules } from '../../support/loaded-modules.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../..')

test('a source loads nothing of the other commands: platforms start it for each thing that they ask', async () => {
  const argv = ['connect', 'source', 'spec', '--manifest', 'test/fakes/tracker.yaml']
  const { stdout, loaded } = await loadedModules('cli/main.ts', argv)
  expect(JSON.parse(stdout)).toMatchObject({ type: 'SPEC' })
  expect(loaded).toContain('cli/source/source-command.ts')
  const unwanted =
    /^(?:engine|sinks|service\/(?!platform\/config\/environment)|connectors\/(?!manifest\/)|node_modules\/(?:zod|pg|pino|avsc|kafkajs|fastify)\/)/
  expect(loaded.filter((url) => unwanted.test(url))).toEqual([])
})

test.each(['stripe', 'postgres', 'salesforce', 's3', 'github', 'slack', 'linear'])(
  'a connector that is built in is an Airbyte source too: %s',
  async (type) => {
    const argv = ['connect', 'source', 'spec', '--type', type]
    const { stdout } = await run(process.execPath, ['cli/main.ts', ...argv], { cwd: root })
    const message = JSON.parse(stdout) as { readonly spec: object }
    expect(message).toMatchObject({ type: 'SPEC' })
    expect(message.spec).toMatchObject({ connectionSpecification: { type: 'object' } })
    const failed = await run(
      process.execPath,
      ['cli/main.ts', 'connect', 'source', 'try', 'orders', '--type', type],
      { cwd: root },
    ).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 2 })
    expect(JSON.stringify(failed)).toContain('Use spec, check, discover or read')
  },
)
