import { LinearClient } from '@linear/sdk'
import { parse, validate } from 'graphql'
import { expect, test } from 'vitest'
import { documents } from '../../../connectors/linear/actions/documents.ts'
import { fillAcme } from '../../fakes/linear/acme.ts'
import { apiKey, linearSchema, LinearSimulator } from '../../fakes/linear/linear-simulator.ts'
import { streamQueries } from '../../fakes/linear/used-documents.ts'

test("Linear's own client pages through the simulator, creates an issue and understands its refusals", async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const client = new LinearClient({ apiKey, apiUrl: `${linear.url}/graphql` })
  const issues = await client.issues({ first: 100 })
  while (issues.pageInfo.hasNextPage) await issues.fetchNext()
  // Without what is in the archive.
  expect(issues.nodes).toHaveLength(229)
  expect(linear.requests).toHaveLength(3)
  const created = await client.createIssue({ teamId: 'team-1', title: 'Broken' })
  expect(created.success).toBe(true)
  expect(await created.issue).toMatchObject({ identifier: 'ENG-231', title: 'Broken' })
  const found = await client.searchIssues('Broken')
  expect(found.nodes.map(({ identifier }) => identifier)).toEqual(['ENG-231'])
  const label = await client.createIssueLabel({ name: 'urgent', teamId: 'team-1' })
  expect(label.success).toBe(true)
  expect(linear.data.lists.issueLabels.at(-1)).toMatchObject({ id: label.issueLabelId })
  const stranger = new LinearClient({ apiKey: 'wrong', apiUrl: `${linear.url}/graphql` })
  await expect(stranger.teams()).rejects.toMatchObject({ type: 'AuthenticationError' })
})

test("what the connector asks for is in Linear's schema", () => {
  for (const query of [...Object.values(documents), ...streamQueries()])
    expect(validate(linearSchema, parse(query)), query.slice(0, 60)).toEqual([])
})
