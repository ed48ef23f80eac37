import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { pythonEnvironment, pythonVersion } from '../../bench/peers/python-environment.ts'
import { buildProgram } from '../support/program.ts'
import { hasEnded, runSchema, runWhen, serviceFolder } from '../support/service-process.ts'

/**
 * Schemathesis makes requests from the OpenAPI document of a real service, valid and broken ones, with and
 * without a key, and fails if a response is a 5xx or breaks the document. Further arguments go to
 * Schemathesis (`--max-examples 500`).
 */
const version = '4.32.5'
if (pythonVersion() === undefined) throw new Error('Install python3 with its venv module.')
const cacheDir = join(homedir(), '.cache', 'reactor-connect-test')
const { python } = await pythonEnvironment(cacheDir, 'schemathesis', [`schemathesis==${version}`])
const schemathesis = join(dirname(python), 'schemathesis')

await using folder = await serviceFolder()
const service = await folder.start({ program: await buildProgram() })
const { url, key } = service
const config = join(folder.path, 'schemathesis.toml')
await copyFile(join(import.meta.dirname, 'schemathesis.toml'), config)
await writeFile(join(folder.path, 'runs.txt'), `"${await fill()}"\n`)

// This run has a key, and must not revoke it.
const withKey = [
  '--header',
  `Authorization: Bearer ${key}`,
  '--exclude-operation-id',
  'revokeApiKey',
]
const codes = [
  await run('with a key', ['--max-examples', '30', ...withKey]),
  await run('without a key', ['--max-examples', '5']),
]
process.exitCode = codes.every((code) => code === 0) ? 0 : 1

/** An instance, a connection and a run, under the names that schemathesis.toml knows. */
async function fill(): Promise<string> {
  const anything = z.unknown()
  const instance = { type: 'faker', config: { streams: [{ name: 'items', rows: 10 }] } }
  for (const name of ['shop', 'other', 'doomed']) {
    await service.ask(anything, '/instances', { body: { name, ...instance } })
    const connection = { name, from: name, destination: 'data:shop', activate: true }
    await service.ask(anything, '/connections', { body: connection })
  }
  const started = await service.ask(runSchema, '/connections/shop/runs', { method: 'POST' })
  return (await runWhen(service, started.id, hasEnded)).id
}

async function run(title: string, args: readonly string[]): Promise<number | null> {
  process.stdout.write(`\nSchemathesis ${title}\n`)
  const child = spawn(
    schemathesis,
    [
      ...['--config-file', config, 'run', `${url}/connect/v1/openapi.json`],
      ...['--checks', 'all', '--mode', 'all', '--continue-on-failure'],
      ...['--generation-database', 'none', '--no-color'],
      ...args,
      ...process.argv.slice(2),
    ],
    { stdio: 'inherit', cwd: folder.path },
  )
  await once(child, 'exit')
  return child.exitCode
}
