import { spawn } from 'node:child_process'
import { cp, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import { pythonEnvironment } from '../../../bench/peers/python-environment.ts'
import { listOf, userOf } from '../../fakes/github/data.ts'
import { GithubSimulator } from '../../fakes/github/simulator.ts'
import { StripeSimulator } from '../../fakes/stripe/stripe-simulator.ts'
import { VendorApi } from '../../fakes/vendors/vendor-api.ts'
import { newFolder } from '../../support/new-folder.ts'
import { testDatabase } from '../../support/postgres.ts'
import { builtProgram } from '../../support/program.ts'

const cacheDir = join(homedir(), '.cache', 'reactor-connect-test')

// They install Airbyte's CDK from the package index: only if it is asked for.
describe.skipIf(process.env.AIRBYTE_PYPI !== '1')(
  'the standard tests of Airbyte’s CDK',
  { timeout: 900_000 },
  () => {
    test('pass for tables of PostgreSQL', async () => {
      await using database = await testDatabase()
      await database.query(
        `CREATE TABLE customer (id bigint PRIMARY KEY, name text, balance numeric(12,2), born date,
           tags jsonb, seen timestamptz, is_active boolean, raw bytea, scores int[])`,
      )
      await database.query(
        `INSERT INTO customer SELECT i, 'Name ' || i, i / 4.0, '2000-01-01'::date + i, '{"a":[1]}',
           '2026-01-01'::timestamptz + i * interval '1 hour', i % 2 = 0, '\\x00ff', ARRAY[i, i + 1]
         FROM generate_series(1, 250) i`,
      )
      await database.query('CREATE TABLE note (text text)')
      // Not NULL: the CDK drops null from the records of a source in Python before it checks them.
      await database.query("INSERT INTO note VALUES ('a'), ('b')")
      const { ssl, ...address } = database.address
      expect(await standardTests('postgres', { ...address, ssl, schemas: ['public'] })).toEqual(
        passed,
      )
    })

    test('pass for Stripe', async () => {
      await using simulator = await StripeSimulator.start()
      const { account } = simulator
      account.now = Math.floor(Date.now() / 1000)
      for (let number = 1; number <= 120; number += 1)
        account.add('customers', { name: `Customer ${String(number)}`, email: null })
      for (let number = 1; number <= 3; number += 1)
        account.add('products', { name: `Product ${String(number)}`, active: true })
      const config = { api_key: 'sk_test_standard', api_url: simulator.url }
      expect(await standardTests('stripe', config, ['customers', 'products'])).toEqual(passed)
    })

    test('pass for GitHub', async () => {
      const simulator = new GithubSimulator()
      const repository = simulator.addRepository('acme/shop')
      for (let number = 1; number <= 120; number += 1) {
        const time = simulator.tick(3_600)
        listOf(repository, 'issues').push({
          id: 1_000 + number,
          number,
          title: `Issue ${String(number)}`,
          state: 'open',
          user: userOf('ada'),
          created_at: time,
          updated_at: time,
        })
      }
      await using api = await VendorApi.start(simulator.handle)
      const config = {
        access_token: 'ghp_ada',
        repositories: ['acme/shop'],
        api_url: `http://127.0.0.1:${String(api.port)}`,
      }
      expect(await standardTests('github', config, ['issues'])).toEqual(passed)
    })
  },
)

/** Six of the CDK's and three of ours. */
const passed = { failed: 0, passed: 9 }

/**
 * Runs them for a connector of ours, as a pytest user does.
 * @param filled the streams that have records; default: all
 */
async function standardTests(
  type: string,
  config: object,
  filled?: readonly string[],
): Promise<{ readonly failed: number; readonly passed: number }> {
  const { python } = await pythonEnvironment(cacheDir, 'standard-tests', [
    'airbyte-cdk[dev]==7.39.1',
    'pytest',
  ])
  const folder = await connectorFolder(type, config, filled)
  const command = [process.execPath, builtProgram(), 'connect', 'source', '--type', type]
  const args = [
    '-m',
    'pytest',
    '-q',
    '-rs',
    '-k',
    'not docker',
    '-p',
    'no:cacheprovider',
    'test_source.py',
  ]
  const child = spawn(python, args, {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      DO_NOT_TRACK: '1',
      REACTOR_SOURCE_COMMAND: JSON.stringify(command),
      REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.1/32',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const count = (word: string): number =>
    Number(new RegExp(`(\\d+) ${word}`).exec(out.trimEnd().split('\n').at(-1) ?? '')?.[1] ?? 0)
  const counts = { failed: count('failed') + count('error'), passed: count('passed') }
  if (counts.failed > 0 || counts.passed === 0) process.stderr.write(`${out}\n${errors}\n`)
  return counts
}

/** A folder that the CDK takes for the root of a connector. */
async function connectorFolder(
  type: string,
  config: object,
  filled: readonly string[] | undefined,
): Promise<string> {
  const folder = join(await newFolder('standard-tests'), `source-${type}`)
  await cp(join(import.meta.dirname, 'standard-tests'), folder, { recursive: true })
  await rename(join(folder, 'reactor_standard_tests.py'), join(folder, 'test_source.py'))
  const plugin = 'pytest_plugins = ["airbyte_cdk.test.standard_tests.pytest_hooks"]\n'
  const known = filled === undefined ? undefined : await (await connectorOf(type)).streams?.()
  const empty = (known?.streams ?? [])
    .filter(({ name }) => filled?.includes(name) !== true)
    .map(({ name }) => ({ name, bypass_reason: 'the simulator has no records of it' }))
  const tested = { config_path: 'config.json', status: 'succeed', empty_streams: empty }
  const listed = { tests: [tested] }
  const sections = ['connection', 'spec', 'discovery', 'basic_read']
  const tests = Object.fromEntries(sections.map((section) => [section, listed]))
  const name = `source-${type}`
  await writeFile(join(folder, 'conftest.py'), plugin)
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await writeFile(
    join(folder, 'acceptance-test-config.yml'),
    JSON.stringify({ connector_image: name, acceptance_tests: tests }),
  )
  await writeFile(
    join(folder, 'metadata.yaml'),
    JSON.stringify({ metadataSpecVersion: '1.0', data: { name, dockerRepository: name } }),
  )
  return folder
}
