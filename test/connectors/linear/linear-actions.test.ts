import type { LinearDocument } from '@linear/sdk'
import { expect, test } from 'vitest'
import { standardHeaders } from '../../../manifest-interpreter/http/standard-headers.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import { linearOAuth } from '../../../connectors/linear/oauth.ts'
import type { JsonObject } from '../../../protocol/index.ts'
import { ManifestFlow } from '../../../service/oauth/manifest-flow.ts'
import { TokenFetch } from '../../../service/oauth/token-fetch.ts'
import { fillAcme } from '../../fakes/linear/acme.ts'
import { apiKey, LinearSimulator, rateLimited } from '../../fakes/linear/linear-simulator.ts'
import { NativeConnector } from '../http/native-connector.ts'

const linearConnector = await connectorOf('linear')

function connectorFor({ url }: LinearSimulator): NativeConnector {
  return new NativeConnector(linearConnector, { api_key: apiKey, api_url: url })
}

test('an issue is created, changed, labelled, archived and found again', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const source = connectorFor(linear)
  const input = {
    teamId: 'team-1',
    title: 'Broken',
    description: '**It** is',
    priority: 1,
    estimate: 3,
    assigneeId: 'user-1',
    labelIds: ['label-1'],
    id: '0b9f3e1e-8a3c-4e0a-9d3f-0c5f8a1b2c3d',
  } satisfies LinearDocument.IssueCreateInput
  const { output, requestId } = await source.send('createIssue', {
    ...input,
    dueDate: '2026-03-10',
  })
  expect(output).toMatchObject({
    success: true,
    issue: { id: input.id, identifier: 'ENG-231', assignee: { id: 'user-1' } },
  })
  expect(requestId).toMatch(/^req-/)
  const change = {
    title: 'Mended',
    assigneeId: null,
    removedLabelIds: [],
  } satisfies LinearDocument.IssueUpdateInput
  const updated = await source.send('updateIssue', { id: 'ENG-231', ...change })
  expect(updated.output).toMatchObject({ issue: { title: 'Mended', assignee: null } })
  const label = { id: 'ENG-231', labelId: 'label-1' }
  await source.send('addLabel', label)
  expect((await source.send('removeLabel', label)).output).toMatchObject({
    issue: { labelIds: [] },
  })
  const archived = await source.send('archiveIssue', { id: 'ENG-231', trash: true })
  expect(archived.output).toMatchObject({ entity: { trashed: true } })
  await source.send('unarchiveIssue', { id: 'ENG-231' })
  expect((await source.send('getIssue', { id: 'ENG-231' })).output).toMatchObject({
    id: input.id,
    archivedAt: null,
  })
  expect(linear.requests[0]?.authorization).toBe(apiKey)
})

test('comments and projects are created and changed, and an attachment of a URL is there once', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const source = connectorFor(linear)
  const comment = {
    issueId: 'ENG-1',
    body: 'Seen',
  } satisfies LinearDocument.CommentCreateInput
  const created = await source.send('createComment', comment)
  const { comment: stored } = created.output as { readonly comment: { readonly id: string } }
  const edited = await source.send('updateComment', { id: stored.id, body: 'Read' })
  expect(edited.output).toMatchObject({ comment: { body: 'Read' } })
  const deleted = await source.send('deleteComment', { id: stored.id })
  expect(deleted.output).toEqual({ success: true, entityId: stored.id })
  const project = { name: 'Plan', teamIds: ['team-1'], targetDate: '2026-06-01' }
  const made = await source.send('createProject', project)
  const { project: plan } = made.output as { readonly project: { readonly id: string } }
  const renamed = await source.send('updateProject', {
    id: plan.id,
    name: 'Plan B',
    leadId: 'user-1',
  })
  expect(renamed.output).toMatchObject({ project: { name: 'Plan B', lead: { id: 'user-1' } } })
  const attachment = {
    issueId: 'ENG-1',
    title: 'Build',
    url: 'https://ci.example/2',
    metadata: { passed: true },
  } satisfies LinearDocument.AttachmentCreateInput
  await source.send('createAttachment', attachment)
  await source.send('createAttachment', { ...attachment, title: 'Build 2' })
  const known = linear.data.lists.attachments.filter(({ url }) => url === attachment.url)
  expect(known).toMatchObject([{ title: 'Build 2' }])
})

test('errors keep the words of Linear, and their kind says what to do', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const source = connectorFor(linear)
  const comment = { issueId: 'ENG-1', body: 'Hi' }
  expect(await source.with({ api_key: 'wrong' }).refusal('createComment', comment)).toMatchObject({
    code: 'action_credentials_refused',
    details: { vendor_code: 'AUTHENTICATION_ERROR' },
  })
  const missing = await source.refusal('createComment', { ...comment, issueId: 'ENG-999' })
  expect(missing).toMatchObject({ code: 'action_refused', details: { vendor_code: 'INPUT_ERROR' } })
  expect(missing.message).toContain('Entity not found')
  const answers: readonly (readonly [number, object, string])[] = [
    [400, { type: 'ratelimited', code: 'RATELIMITED' }, 'action_rate_limited'],
    [200, { type: 'forbidden', code: 'FORBIDDEN' }, 'action_permission_denied'],
    [200, { type: 'lock timeout' }, 'action_outcome_unknown'],
    [200, { type: 'internal error', code: 'INTERNAL_SERVER_ERROR' }, 'action_outcome_unknown'],
    [400, { type: 'graphql error', code: 'GRAPHQL_VALIDATION_FAILED' }, 'action_refused'],
    [200, { type: 'usage limit exceeded' }, 'action_refused'],
    [200, { type: 'unknown' }, 'action_outcome_unknown'],
    [200, {}, 'action_outcome_unknown'],
    [400, {}, 'action_refused'],
  ]
  for (const [status, extensions, code] of answers) {
    linear.answerOnce({ status, body: { errors: [{ message: 'No', extensions }] } })
    expect((await source.refusal('createComment', comment)).code).toBe(code)
  }
  linear.answerOnce({ status: 502, body: {} })
  expect((await source.refusal('createComment', comment)).code).toBe('action_outcome_unknown')
  linear.answerOnce({ status: 200, body: { data: { commentCreate: { success: false } } } })
  expect((await source.refusal('createComment', comment)).code).toBe('action_refused')
  linear.answerOnce({ status: 200, body: { data: {} } })
  expect((await source.refusal('createComment', comment)).code).toBe('action_response_unreadable')
  linear.answerOnce(rateLimited)
  expect((await source.refusal('getIssue', { id: 'ENG-1' })).code).toBe('action_rate_limited')
})

test('an error below a change says nothing of the change', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const source = connectorFor(linear)
  const errors = [
    {
      message: 'No',
      path: ['commentCreate', 'comment', 'user'],
      extensions: { type: 'forbidden', code: 'FORBIDDEN' },
    },
  ]
  linear.answerOnce({ status: 200, body: { data: null, errors } })
  const made = await source.refusal('createComment', { issueId: 'ENG-1', body: 'Hi' })
  expect(made.code).toBe('action_outcome_unknown')
  linear.answerOnce({ status: 200, body: { data: null, errors } })
  const read = await source.refusal('getIssue', { id: 'ENG-1' })
  expect(read.code).toBe('action_permission_denied')
})

test('what was made is no failure, though a field of its result could not be read', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const source = connectorFor(linear)
  const comment = { id: 'c1', body: 'Hi', issue: null }
  linear.answerOnce({
    status: 200,
    body: {
      data: { commentCreate: { success: true, comment } },
      errors: [{ message: 'No', path: ['commentCreate', 'comment', 'issue'] }],
    },
  })
  const made = await source.send('createComment', { issueId: 'ENG-1', body: 'Hi' })
  expect(made).toMatchObject({ output: { comment: { id: 'c1' } } })
})

test('inputs that Linear would refuse are refused before, and a preview has no secret', async () => {
  const source = new NativeConnector(linearConnector, { api_key: apiKey })
  const wrong: readonly (readonly [string, JsonObject])[] = [
    ['createIssue', { title: 'a' }],
    ['createIssue', { teamId: 't', title: 'a', priority: 5 }],
    ['createIssue', { teamId: 't', title: 'a', dueDate: 'tomorrow' }],
    ['createIssue', { teamId: 't', title: 'a', id: 'not-a-uuid' }],
    ['createIssue', { teamId: 't', title: 'a', labelIds: null }],
    ['listTeams', { first: 251 }],
    ['searchIssues', { term: '' }],
    ['updateIssue', { id: 'ENG-1' }],
    ['createComment', { body: 'a' }],
    ['createProject', { name: 'a', teamIds: [] }],
    ['createAttachment', { issueId: 'ENG-1', title: 'a', url: 'no url' }],
  ]
  for (const [name, input] of wrong)
    await expect(source.send(name, input), JSON.stringify(input)).rejects.toMatchObject({
      code: 'action_input_invalid',
    })
  const preview = await source.preview('getIssue', { id: 'ENG-1' })
  expect(preview).toMatchObject({
    level: 'synthesized',
    request: {
      method: 'POST',
      url: 'https://api.linear.app/graphql',
      headers: { ...standardHeaders, Authorization: '***' },
      body: { variables: { id: 'ENG-1' } },
    },
  })
  const oauth = await source.with({ access_token: 'secret' }).preview('getIssue', { id: 'ENG-1' })
  expect(oauth?.request.headers.Authorization).toBe('Bearer ***')
})

test('the browser is sent to Linear with a challenge', async () => {
  await using fetch = new TokenFetch([])
  const { templates } = linearOAuth
  if (templates === undefined) throw new Error('no templates')
  const party = { scheme: linearOAuth, client: { id: 'client', secret: 'secret' }, inputs: {} }
  const url = new ManifestFlow(fetch).authorizeUrl(party, templates, {
    redirectUri: 'https://connect.example/callback',
    state: 'state-1',
    verifier: 'verifier-1',
  })
  expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
    client_id: 'client',
    redirect_uri: 'https://connect.example/callback',
    response_type: 'code',
    scope: 'read,write',
    state: 'state-1',
    code_challenge: expect.stringMatching(/^[\w-]{43}$/) as unknown,
    code_challenge_method: 'S256',
  })
})
