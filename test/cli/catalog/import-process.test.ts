import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCatalog } from '../../../cli/catalog/catalog-command.ts'
import { absoluteCommand, commandWords } from '../../../cli/catalog/command-words.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { fakeSource } from '../../support/airbyte-process.ts'
import { silent } from '../../support/logger.ts'
import { newFolder } from '../../support/new-folder.ts'
import { neverAborted } from '../../support/signal.ts'

interface Import {
  readonly from: string
  readonly command?: string
  readonly force?: boolean
  readonly isAllowed?: boolean
}

async function importing(folder: string, options: Import): Promise<string> {
  const { from, command, force = false, isAllowed = true } = options
  let out = ''
  await runCatalog(
    {
      command: 'import',
      from,
      name: undefined,
      force,
      version: undefined,
      process: {
        command,
        python: undefined,
        env: ['SECRET_OF_CRM'],
        maxMemoryMb: '512',
        maxSilenceSeconds: undefined,
        maxAskSeconds: undefined,
      },
    },
    {
      write: (text) => Promise.resolve(void (out += text)),
      signal: neverAborted(),
      allowedNetworks: [],
      registryUrl: 'https://registry.invalid',
      catalogFolder: folder,
      environment: {
        PATH: process.env.PATH,
        SECRET_OF_CRM: 'x',
        OTHER: 'y',
        ...(isAllowed && { REACTOR_CONNECT_AIRBYTE_ENABLED: 'true' }),
      },
      logger: silent,
      note: () => undefined,
    },
  )
  return out
}

const command = `'${process.execPath}' "${fakeSource}"`

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error).code,
  )
}

test('a program becomes a connector, with its specification and only the variables that were named', async () => {
  const folder = await newFolder('catalog')
  const out = await importing(folder, { from: 'airbyte-process:crm', command })
  expect(out).toBe('imported  crm: Fake source, an external connector\n')
  const file = join(folder, 'crm', 'process.json')
  const definition = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly environment: Readonly<Record<string, string>>
  }
  expect(definition).toMatchObject({
    command: [process.execPath, fakeSource],
    spec: { required: ['rows', 'api_key'] },
    documentation_url: 'https://docs.example.com/fake',
    max_memory_mb: 512,
  })
  expect(Object.keys(definition.environment).toSorted()).toEqual(['LANG', 'PATH', 'SECRET_OF_CRM'])
  expect(statSync(file).mode & 0o077).toBe(0)
  expect(await codeOf(importing(folder, { from: 'airbyte-process:crm', command }))).toBe('usage')
  const again = await importing(folder, { from: 'airbyte-process:crm', command, force: true })
  expect(again).toContain('imported  crm')
})

test('no program is started unless that is allowed, and one that prints no specification is refused', async () => {
  const folder = await newFolder('catalog')
  const from = 'airbyte-process:crm'
  expect(await codeOf(importing(folder, { from, command, isAllowed: false }))).toBe(
    'airbyte_disabled',
  )
  expect(await codeOf(importing(folder, { from }))).toBe('usage')
  const silentProgram = importing(folder, { from, command: 'true' })
  expect(await codeOf(silentProgram)).toBe('airbyte_message_invalid')
  expect(await codeOf(importing(folder, { from, command: 'no-such-program-x' }))).toBe('usage')
})

test('a command is split as a shell does', () => {
  expect(commandWords(`a 'b c' "d \\"e" f\\ g ''`)).toEqual(['a', 'b c', 'd "e', 'f g', ''])
  expect(() => commandWords(`a 'b`)).toThrow(ConnectError)
  expect(() => commandWords('  ')).toThrow(ConnectError)
  const place = { folder: join(import.meta.dirname), path: '/usr/bin:/bin' }
  expect(absoluteCommand(['sh', 'import-process.test.ts', '--x', 'y'], place)).toEqual([
    expect.stringMatching(/^\/(usr\/)?bin\/sh$/),
    join(import.meta.dirname, 'import-process.test.ts'),
    '--x',
    'y',
  ])
})
