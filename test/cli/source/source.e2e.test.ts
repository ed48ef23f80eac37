import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { TrackerApi } from '../../fakes/tracker-api.ts'
import { builtProgram } from '../../support/program.ts'
import { newFolder } from '../../support/new-folder.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { usually } from '../../support/long.ts'

const root = join(import.meta.dirname, '../../..')

interface Message {
  readonly type: string
  readonly record?: { readonly stream: string; readonly data: { readonly id: number } }
  readonly state?: object
  readonly catalog?: { readonly streams: readonly { readonly name: string }[] }
}

interface Source extends AsyncDisposable {
  run(command: string, files?: Readonly<Record<string, unknown>>): Promise<Answer>
}
interface Answer {
  readonly code: number | null
  readonly messages: readonly Message[]
}

/** The tracker's manifest as a command; each option is a file with that JSON. */
async function openSource(): Promise<Source> {
  const folder = await temporaryFolder('source')
  const manifest = join(root, 'test/fakes/tracker.yaml')
  return {
    run: async (command, files = {}) => {
      const argv = [builtProgram(), 'connect', 'source', '--manifest', manifest, command]
      for (const [option, value] of Object.entries(files)) {
        const path = join(folder.path, `${option}.json`)
        await writeFile(path, JSON.stringify(value))
        argv.push(`--${option}`, path)
      }
      const child = spawn(process.execPath, argv, {
        cwd: root,
        env: { ...process.env, REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.1/32' },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [out] = await Promise.all([text(child.stdout), once(child, 'close')])
      const lines = out.split('\n').filter((line) => line !== '')
      return { code: child.exitCode, messages: lines.map((line) => JSON.parse(line) as Message) }
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

function issuesOf({ messages }: Answer): readonly number[] {
  return messages
    .flatMap(({ record }) => (record?.stream === 'issues' ? [record.data.id] : []))
    .sort((a, b) => a - b)
}

test('a manifest is a source of the Airbyte protocol: spec, check, discover, read, and read from its state', async () => {
  await using api = await TrackerApi.start(2)
  await using source = await openSource()
  api.addIssues(2)
  const config = { url: api.url }

  expect(await source.run('spec')).toMatchObject({
    code: 0,
    messages: [{ type: 'SPEC', spec: { connectionSpecification: { required: ['url'] } } }],
  })
  expect(await source.run('check', { config })).toMatchObject({
    code: 0,
    messages: [{ type: 'CONNECTION_STATUS', connectionStatus: { status: 'SUCCEEDED' } }],
  })
  const discovered = await source.run('discover', { config })
  const streams = discovered.messages[0]?.catalog?.streams ?? []
  expect(streams.map(({ name }) => name)).toEqual(['projects', 'issues'])

  const catalog = {
    streams: streams.map((stream) => ({
      stream,
      sync_mode: stream.name === 'issues' ? 'incremental' : 'full_refresh',
      destination_sync_mode: 'append',
    })),
  }
  const first = await source.run('read', { config, catalog })
  expect(first.code).toBe(0)
  expect(issuesOf(first)).toEqual([1, 2, 3, 4])

  api.addIssues(1)
  const state = first.messages.flatMap((message) => message.state ?? [])
  const second = await source.run('read', { config, catalog, state })
  // The new ones, and of each project the one that its state names.
  expect(issuesOf(second)).toEqual([3, 4, 5, 6])
})

test('a source whose API refuses says so, and no message quotes its configuration', async () => {
  await using api = await TrackerApi.start(1)
  await using source = await openSource()
  expect(await source.run('check', { config: { url: `${api.url}/nowhere` } })).toMatchObject({
    code: 0,
    messages: [{ type: 'CONNECTION_STATUS', connectionStatus: { status: 'FAILED' } }],
  })
  const wrong = await source.run('check', { config: { url: 12345678 } })
  expect(wrong).toMatchObject({
    messages: [
      {
        connectionStatus: {
          status: 'FAILED',
          message: "Config validation error: /url: The value is not of type 'string'",
        },
      },
    ],
  })
})

test.each(usually(1, ['SIGTERM', 'SIGINT'] as const))(
  '%s ends a source whose templates are busy for hours',
  async (signal) => {
    await using api = await TrackerApi.start(2000)
    const folder = await newFolder('busy')
    const slow = "{{ ('a' * 23 ~ '!') | regex_search('^(a+)+$') }}"
    await writeFile(
      join(folder, 'busy.yaml'),
      `
version: 6.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [projects] }
streams:
  - type: DeclarativeStream
    name: projects
    retriever:
      type: SimpleRetriever
      requester: { type: HttpRequester, url_base: "${api.url}", path: /projects }
      record_selector:
        type: RecordSelector
        extractor: { type: DpathExtractor, field_path: [data] }
    transformations:
      - type: AddFields
        fields: [{ path: [slow], value: ${JSON.stringify(slow)} }]
spec: { type: Spec, connection_specification: { type: object, properties: {} } }
`,
    )
    await writeFile(join(folder, 'config.json'), '{}')
    await writeFile(
      join(folder, 'catalog.json'),
      '{"streams":[{"stream":{"name":"projects"},"sync_mode":"full_refresh"}]}',
    )
    const file = (name: string): string => join(folder, name)
    const child = spawn(
      process.execPath,
      [
        builtProgram(),
        ...['connect', 'source', 'read', '--manifest', file('busy.yaml')],
        ...['--config', file('config.json'), '--catalog', file('catalog.json')],
      ],
      {
        env: { ...process.env, REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.1/32' },
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    const asked = Promise.withResolvers<undefined>()
    api.beforeAnswer = () => {
      asked.resolve(undefined)
      return Promise.resolve()
    }
    await Promise.race([asked.promise, once(child, 'close')])
    // The templates take longer than the test may: the process ends only if the signal ends it.
    child.kill(signal)
    await once(child, 'close')
  },
)

test('a wrong file is said to be so, with the exit code of a wrong command line', async () => {
  await using source = await openSource()
  const config = { url: 'http://127.0.0.1:9' }
  expect(await source.run('check', { config: [] })).toEqual({ code: 2, messages: [] })
  expect(await source.run('read', { config, catalog: { no: 'streams' } })).toEqual({
    code: 2,
    messages: [],
  })
})
