import { LinearClient, type LinearDocument } from '@linear/sdk'
import { expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import type { JsonObject } from '../../../protocol/index.ts'
import { fillAcme, on } from '../../fakes/linear/acme.ts'
import { apiKey, LinearSimulator } from '../../fakes/linear/linear-simulator.ts'
import { NativeConnector } from '../http/native-connector.ts'

const linearConnector = await connectorOf('linear')

/** The connector and Linear's own client, in front of the same workspace. */
async function openBoth() {
  const linear = await LinearSimulator.start()
  const { data, url } = linear
  fillAcme(data)
  data.add('projects', { id: 'project-2', name: 'Move', createdAt: on(3) })
  data.add('cycles', { id: 'cycle-2', number: 2, startsAt: on(9), endsAt: on(16) })
  const issue = { id: 'issue-002' }
  data.add('comments', { id: 'comment-2', body: 'Second', issueId: 'issue-002', issue })
  const source = new NativeConnector(linearConnector, { api_key: apiKey, api_url: url })
  const client = new LinearClient({ apiKey, apiUrl: `${url}/graphql` })
  const idsOf = async (name: string, input: JsonObject = {}): Promise<readonly string[]> => {
    const { output } = await source.send(name, input)
    return (output as unknown as Page).nodes.map(({ id }) => id)
  }
  return {
    source,
    client,
    idsOf,
    [Symbol.asyncDispose]: () => linear[Symbol.asyncDispose](),
  }
}

interface Page {
  readonly nodes: readonly { readonly id: string }[]
}

function ids({ nodes }: Page): readonly string[] {
  return nodes.map(({ id }) => id)
}

test("projects, milestones, cycles and comments are what Linear's own client gets", async () => {
  await using world = await openBoth()
  const { client, idsOf, source } = world
  expect(await idsOf('listProjects')).toEqual(['project-2'])
  expect(await idsOf('listProjects')).toEqual(ids(await client.projects()))
  const includeArchived = true
  expect(await idsOf('listProjects', { includeArchived })).toEqual(
    ids(await client.projects({ includeArchived })),
  )
  expect(await idsOf('listCycles')).toEqual(ids(await client.cycles()))
  expect(await idsOf('listCycles')).toEqual(['cycle-2', 'cycle-1'])
  expect(await idsOf('listProjectMilestones')).toEqual(ids(await client.projectMilestones()))
  expect(await idsOf('listComments')).toEqual(ids(await client.comments()))
  const filter = { issue: { id: { eq: 'issue-002' } } } satisfies LinearDocument.CommentFilter
  expect(await idsOf('listComments', { filter })).toEqual(['comment-2'])
  expect(ids(await client.comments({ filter }))).toEqual(['comment-2'])
  const { output } = await source.send('getProject', { id: 'project-2' })
  expect(output).toMatchObject({ id: 'project-2', name: (await client.project('project-2')).name })
})

test('issues are listed without a term, and the user of the credentials is known', async () => {
  await using world = await openBoth()
  const { client, idsOf, source } = world
  const filter = { team: { key: { eq: 'ENG' } } } satisfies LinearDocument.IssueFilter
  const first = 5
  expect(await idsOf('listIssues', { filter, first })).toEqual(
    ids(await client.issues({ filter, first })),
  )
  const { output } = await source.send('getViewer', {})
  expect(output).toMatchObject({ id: (await client.viewer).id, name: 'Ada' })
})

test('relations of issues are created, seen from both ends, and deleted', async () => {
  await using world = await openBoth()
  const { source } = world
  const input = {
    issueId: 'ENG-3',
    relatedIssueId: 'ENG-2',
    type: 'related',
  } as const
  const { output: made } = await source.send('createIssueRelation', input)
  expect(made).toMatchObject({
    success: true,
    issueRelation: { type: 'related', issue: { identifier: 'ENG-3' } },
  })
  const { output: seen } = await source.send('listIssueRelations', { id: 'ENG-2' })
  expect(seen).toMatchObject({
    identifier: 'ENG-2',
    relations: { nodes: [] },
    inverseRelations: {
      nodes: [{ issue: { identifier: 'ENG-3' } }, { id: 'relation-1', type: 'blocks' }],
    },
  })
  const { issueRelation } = made as { readonly issueRelation: { readonly id: string } }
  await source.send('deleteIssueRelation', { id: issueRelation.id })
  const { output: after } = await source.send('listIssueRelations', { id: 'ENG-3' })
  expect(after).toMatchObject({ relations: { nodes: [], pageInfo: { hasNextPage: false } } })
})
