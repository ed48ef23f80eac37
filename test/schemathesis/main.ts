import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { pythonEnvironment, pythonVersion } from '../../bench/peers/python-environment.ts'
import { serviceFolder } from '../support/service-process.ts'

/**
 * Schemathesis makes requests from the OpenAPI document of a real service, valid and broken ones, with and without a key, and
 * fails where an answer is a 5xx or breaks the document. Further arguments go to Schemathesis (`--max-examples 500`).
 */
const version = '4.32.5'
const config = join(import.meta.dirname, 'schemathesis.toml')

if (pythonVersion() === undefined) throw new Error('Install python3 with its venv module.')
const cacheDir = join(homedir(), '.cache', 'reactor-connect-test')
const { python } = await pythonEnvironment(cacheDir, 'schemathesis', [`schemathesis==${version}`])
const schemathesis = join(dirname(python), 'schemathesis')

await using folder = await serviceFolder()
const { url, key } = await folder.start()

// With a key: it must not take away its own.
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
