import type { LinearDocument } from '@linear/sdk'
import { expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import { fillAcme, on } from '../../fakes/linear/acme.ts'
import { apiKey, LinearSimulator } from '../../fakes/linear/linear-simulator.ts'
import { NativeConnector } from '../http/native-connector.ts'

const linearConnector = await connectorOf('linear')

function connectorFor({ url }: LinearSimulator): NativeConnector {
  return new NativeConnector(linearConnector, { api_key: apiKey, api_url: url })
}

test('what an issue needs is found: its team, its states, its labels and its people', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const { data } = linear
  data.add('teams', { id: 'team-2', key: 'OPS', name: 'Operations', createdAt: on(2) })
  const team = { id: 'team-2', key: 'OPS' }
  data.add('workflowStates', { id: 'state-2', name: 'Done', type: 'completed', team })
  const source = connectorFor(linear)
  expect((await source.send('listTeams', {})).output).toMatchObject({
    nodes: [{ id: 'team-2', key: 'OPS' }, { id: 'team-1' }],
    pageInfo: { hasNextPage: false },
  })
  const ofTeam = { team: { id: { eq: 'team-2' } } } satisfies LinearDocument.WorkflowStateFilter
  expect((await source.send('listWorkflowStates', { filter: ofTeam })).output).toMatchObject({
    nodes: [{ id: 'state-2', type: 'completed', team }],
  })
  expect((await source.send('listLabels', {})).output).toMatchObject({
    nodes: [{ id: 'label-1', name: 'bug' }],
  })
  const everybody = await source.send('listUsers', { includeDisabled: true })
  expect(everybody.output).toMatchObject({ nodes: [{ id: 'user-2' }, { id: 'user-1' }] })
  const named = { name: { eq: 'Ada' } } satisfies LinearDocument.UserFilter
  const [ada] = (
    (await source.send('listUsers', { filter: named })).output as { nodes: { id: string }[] }
  ).nodes
  expect(ada?.id).toBe('user-1')
})

test('a list is one page, and its cursor leads to the next', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const source = connectorFor(linear)
  const ids: string[] = []
  let after: string | null = null
  do {
    const input = { term: 'Issue', first: 100, ...(after !== null && { after }) }
    const { output } = await source.send('searchIssues', input)
    const page = output as {
      readonly nodes: { readonly id: string }[]
      readonly totalCount: number
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string }
    }
    expect(page.totalCount).toBe(230)
    ids.push(...page.nodes.map(({ id }) => id))
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null
  } while (after !== null)
  // Without what is in the archive.
  expect(new Set(ids).size).toBe(229)
  expect(linear.requests).toHaveLength(3)
})

test('a label is created once', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const source = connectorFor(linear)
  const input = {
    name: 'urgent',
    teamId: 'team-1',
    color: '#ff0000',
    parentId: null,
  } satisfies LinearDocument.IssueLabelCreateInput
  expect((await source.send('createLabel', input)).output).toMatchObject({
    success: true,
    issueLabel: { name: 'urgent', team: { id: 'team-1' } },
  })
  expect(await source.refusal('createLabel', input)).toMatchObject({ code: 'action_refused' })
})

test('null empties what can be empty, times may be years and durations, and Linear alone limits texts', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const source = connectorFor(linear)
  const issue = {
    teamId: 'team-1',
    title: 'x',
    assigneeId: null,
    description: null,
    parentId: null,
    dueDate: 'P2W1D',
  } satisfies LinearDocument.IssueCreateInput
  const { output } = await source.send('createIssue', { ...issue, createdAt: '-P2W1D' })
  expect(output).toMatchObject({ issue: { assignee: null, dueDate: 'P2W1D' } })
  // Linear documents no limit of these.
  const long = 'x'.repeat(300)
  const attachment = { issueId: 'ENG-1', title: long, url: 'https://ci.example/3' }
  await source.send('createAttachment', { ...attachment, subtitle: long })
  const project = { name: long, teamIds: ['team-1'], leadId: null, content: null, icon: null }
  const made = await source.send('createProject', { ...project, targetDate: '2027' })
  const { project: plan } = made.output as { readonly project: { readonly id: string } }
  await source.send('updateProject', { id: plan.id, icon: null, content: null, startDate: null })
  await source.send('createComment', { body: 'x', documentContentId: 'document-1' })
})
