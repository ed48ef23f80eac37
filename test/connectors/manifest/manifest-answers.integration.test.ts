import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { manifestType } from '../../../connectors/registry.ts'
import { planRun, runPlan } from '../../support/engine.ts'
import { testKafka } from '../../support/kafka.ts'
import { testDatabase } from '../../support/postgres.ts'
import { newFolder } from '../../support/new-folder.ts'

const stream = (name: string, more = ''): string => `
  - type: DeclarativeStream
    name: ${name}
    primary_key: [key]
    retriever:
      type: SimpleRetriever
      requester: { type: HttpRequester, url_base: "{{ config['url'] }}", path: /${name} }
      record_selector: { type: RecordSelector, extractor: { type: DpathExtractor, field_path: [] } }
    ${more}
    schema_loader:
      type: InlineSchemaLoader
      schema: { type: object, properties: { key: { type: string }, v: { type: integer } } }`

const manifest = `
version: 7.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [docs] }
streams:${stream('docs', 'transformations: [{ type: AddFields, fields: [{ path: [key], value: "{{ now_utc() }}" }] }]')}${stream('none')}${stream('texts')}
`

/** The other paths do not exist. */
const answers: Readonly<Record<string, string>> = {
  '/docs': JSON.stringify(Array.from({ length: 100 }, (_, v) => ({ v }))),
  '/texts': '["a", 1]',
}

async function listen(
  requests: string[],
): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer(({ url = '' }, response) => {
    requests.push(url)
    const answer = answers[url]
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(answer ?? '{"message":"no such collection"}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { server, url: `http://127.0.0.1:${String(port)}` }
}

test('keys of now_utc() tell 100 records apart, and what cannot work is read once', async () => {
  const folder = await newFolder('manifest-answers')
  const requests: string[] = []
  const { server, url } = await listen(requests)
  try {
    const path = join(folder, 'answers.yaml')
    await writeFile(path, manifest)
    await using db = await testDatabase()
    const plan = await planRun({
      connection: testKafka().prefix,
      source: { type: manifestType(path), config: { url }, allowedNetworks: ['127.0.0.0/8'] },
      destination: db.address,
      schema: 'copy',
      mode: 'append_dedup',
      log: { kind: 'embedded' },
    })
    const { result, log } = await runPlan(plan)
    const [docs, none, texts] = result.streams
    expect(docs).toMatchObject({ status: 'complete', loaded: 100 })
    const [rows] = await db.query('SELECT count(*)::int AS all FROM copy.docs')
    expect(rows).toEqual({ all: 100 })
    expect(none?.error).toMatchObject({
      code: 'source_mismatch',
      message: `Stream none failed: HTTP Status Code: 404. Error: Not found. The requested resource was not found on the server. GET ${url}/none was answered with status 404: no such collection`,
    })
    expect(texts?.error).toMatchObject({
      code: 'source_mismatch',
      message: expect.stringContaining('has a record that is not an object') as unknown,
    })
    expect(requests.toSorted()).toEqual(['/docs', '/none', '/texts'])
    expect(log).toEqual([])
  } finally {
    server.close()
  }
})
