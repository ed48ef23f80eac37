import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../..')

/** Writes the URL of every module that is loaded to standard error. */
const tracer = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  import { writeSync } from 'node:fs'
  registerHooks({
    load(url, context, next) {
      writeSync(2, url + '\\n')
      return next(url, context)
    },
  })
`)}`

test('a source loads nothing of the other commands: platforms start it for each thing that they ask', async () => {
  const argv = ['connect', 'source', 'spec', '--manifest', 'test/fakes/tracker.yaml']
  const { stdout, stderr } = await run(
    process.execPath,
    ['--import', tracer, 'cli/main.ts', ...argv],
    { cwd: root },
  )
  expect(JSON.parse(stdout)).toMatchObject({ type: 'SPEC' })
  const loaded = stderr.split('\n').map((url) => url.replace(`file://${root}/`, ''))
  expect(loaded).toContain('cli/source/source-command.ts')
  const unwanted =
    /^(?:engine|sinks|service\/(?!platform\/config\/environment)|connectors\/(?!manifest\/)|node_modules\/(?:zod|pg|pino|avsc|kafkajs|fastify)\/)/
  expect(loaded.filter((url) => unwanted.test(url))).toEqual([])
})

test.each(['stripe', 'postgres'])(
  'a connector that is built in is no Airbyte source, and is shown how to be used: %s',
  async (type) => {
    const argv = ['connect', 'source', 'discover', '--type', type]
    const failed = await run(process.execPath, ['cli/main.ts', ...argv], { cwd: root }).catch(
      (error: unknown) => error,
    )
    expect(failed).toMatchObject({ code: 2 })
    const said = JSON.stringify(failed)
    expect(said).toContain('is a built-in connector, not a manifest')
    expect(said).toContain('Only manifests are Airbyte sources')
    expect(said).toContain(`instances create NAME --type ${type}`)
  },
)
