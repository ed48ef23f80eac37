import pino from 'pino'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { loadManifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'
import { ManifestSource } from '../../../manifest-interpreter/source/manifest-source.ts'
import type { SourceFailure } from '../../../manifest-interpreter/source/messages.ts'
import { isDict } from '../../../manifest-interpreter/value/dict.ts'
import { parseJson } from '../../../manifest-interpreter/value/json.ts'
import type { Dict } from '../../../manifest-interpreter/value/value.ts'
import { jsonResponse, simulatedEnvironment, type Api } from '../support/simulated-environment.ts'
import { passedCharacters } from '../../../protocol/cut-text.ts'

const manifest = loadManifest(`
version: 7.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [things] }
streams:
  - type: DeclarativeStream
    name: things
    retriever:
      type: SimpleRetriever
      requester: { type: HttpRequester, url_base: https://api.test/, path: things, request_parameters: { token: "{{ config['token'] }}" } }
      record_selector:
        type: RecordSelector
        extractor: { type: DpathExtractor, field_path: [rows] }
spec:
  type: Spec
  connection_specification:
    type: object
    properties: { token: { type: string, airbyte_secret: true } }
`)
const token = 'very-secret-token'

const lineSchema = z.looseObject({ level: z.number(), msg: z.string() })
type Line = z.infer<typeof lineSchema>

function open(api: Api) {
  const lines: Line[] = []
  const write = (line: string): void => {
    lines.push(lineSchema.parse(JSON.parse(line)))
  }
  const environment = {
    ...simulatedEnvironment(api),
    logger: pino({ level: 'debug' }, { write }),
  }
  const source = new ManifestSource({ manifest, config: dict({ token }), environment })
  return { source, lines }
}

async function failureOf(api: Api): Promise<{
  readonly failure: SourceFailure | undefined
  readonly lines: readonly Line[]
}> {
  const { source, lines } = open(api)
  const failures: SourceFailure[] = []
  await using opened = source
  await opened
    .read(
      { catalog: dict({ streams: [{ stream: { name: 'things' }, sync_mode: 'full_refresh' }] }) },
      {
        records: () => Promise.resolve(),
        message: (message) => {
          if (message.kind === 'failure') failures.push(message)
          return Promise.resolve()
        },
      },
    )
    .catch(() => undefined)
  return { failure: failures[0], lines }
}

function dict(value: object): Dict {
  const parsed = parseJson(JSON.stringify(value))
  return isDict(parsed) ? parsed : {}
}

const refused: Api = () =>
  jsonResponse({ message: `your token ${token} lacks scope read:things` }, { status: 403 })

describe('a request that the API refuses', () => {
  const message =
    "HTTP Status Code: 403. Error: Forbidden. You don't have permission to access this resource. GET https://api.test/things was answered with status 403: your token *** lacks scope read:things"

  test('is told by a check with what the API said, without secrets', async () => {
    await using source = open(refused).source
    expect(await source.check()).toEqual({
      status: 'FAILED',
      message: `Stream things is not available: ${message}`,
    })
  })

  test('is told by a read in the same way', async () => {
    const { failure } = await failureOf(refused)
    expect(failure).toMatchObject({ message, failureType: 'config_error', mayPass: false })
  })

  test('is told when all attempts are used up', async () => {
    const { failure } = await failureOf(() =>
      jsonResponse({ message: 'half-way' }, { status: 500 }),
    )
    expect(failure).toMatchObject({ failureType: 'transient_error', mayPass: true })
    expect(failure?.message).toContain(
      'GET https://api.test/things was answered with status 500: half-way',
    )
  })

  test('is cut where the API says very much, and a secret in it is hidden whole', async () => {
    const page = `${'x'.repeat(passedCharacters - 300)} ${`${token} `.repeat(500)}`
    const { failure } = await failureOf(() => jsonResponse({ message: page }, { status: 403 }))
    expect(failure?.message.length).toBeLessThan(passedCharacters + 100)
    expect(failure?.message).toContain('***')
    expect(failure?.message).not.toMatch(/very|secret|token/)
  })
})

describe('a failure that another attempt would meet again', () => {
  test.each<[string, Api]>([
    ['a status 404', () => jsonResponse({ error: 'no such thing' }, { status: 404 })],
    ['a record that is no object', () => jsonResponse({ rows: ['a', 1] })],
  ])('%s is known as one', async (_name, api) => {
    const { failure } = await failureOf(api)
    expect(failure).toMatchObject({ failureType: 'system_error', mayPass: false })
  })

  test('has its stack in the log at debug only', async () => {
    const { lines } = await failureOf(() => jsonResponse({ rows: ['a'] }))
    expect(lines.filter(({ err }) => err !== undefined).map(({ level }) => level)).toEqual([20])
  })
})

describe('the log', () => {
  test('has each request with its status at debug, without parameters', async () => {
    const { lines } = await failureOf(() => jsonResponse({ rows: [{ id: 1 }] }))
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 20,
        stream: 'things',
        method: 'GET',
        status: 200,
        url: 'https://api.test/things',
        msg: 'a request was sent',
      }),
    )
    expect(JSON.stringify(lines)).not.toContain(token)
  })

  test('says how long and until when a request waits, which one, and why', async () => {
    const { lines } = await failureOf((_request, count) =>
      count === 1
        ? jsonResponse({ message: 'slow down' }, { status: 429 })
        : jsonResponse({ rows: [] }),
    )
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 30,
        stream: 'things',
        attempt: 1,
        status: 429,
        said: 'slow down',
        seconds: 1,
        method: 'GET',
        url: 'https://api.test/things',
        until: '2025-03-01T00:00:01+00:00',
      }),
    )
  })
})
