import { LinearClient } from '@linear/sdk'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { documents } from '../../../connectors/linear/actions/documents.ts'
import { loadManifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'

/**
 * Returns the documents that the connector sends, and those that Linear's own client sends for the calls of
 * the tests.
 */
export async function usedDocuments(): Promise<readonly string[]> {
  return [...(await sdkDocuments()), ...Object.values(documents), ...streamQueries()]
}

/** The queries of the streams, by name. */
export function streamQueries(): readonly string[] {
  const path = new URL('../../../connectors/linear/streams/manifest.yaml', import.meta.url)
  const { definition } = loadManifest(readFileSync(path, 'utf8'))
  const schema = z.object({
    streams: z.array(z.object({ $parameters: z.object({ query: z.string() }) })),
  })
  return schema.parse(definition).streams.map(({ $parameters: { query } }) => query)
}

async function sdkDocuments(): Promise<readonly string[]> {
  const found: string[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      found.push(z.object({ query: z.string() }).parse(JSON.parse(body)).query)
      response.writeHead(400, { 'content-type': 'application/json' })
      response.end('{"errors":[{"message":"only looked at"}]}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const client = new LinearClient({
    apiKey: 'key',
    apiUrl: `http://127.0.0.1:${String(port)}/graphql`,
  })
  const calls = [
    client.issues(),
    client.issue('id'),
    client.createIssue({ teamId: 'id' }),
    client.updateIssue('id', {}),
    client.createComment({}),
    client.teams(),
    client.searchIssues('term'),
    client.createIssueLabel({ name: 'name' }),
    client.projects(),
    client.project('id'),
    client.projectMilestones(),
    client.cycles(),
    client.comments(),
    client.viewer,
  ]
  await Promise.allSettled(calls)
  server.close()
  return found
}
