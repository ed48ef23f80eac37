import { expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import { fillAcme, on } from '../../fakes/linear/acme.ts'
import { apiKey, LinearSimulator, rateLimited } from '../../fakes/linear/linear-simulator.ts'
import type { Row } from '../collected.ts'
import { NativeConnector } from '../http/native-connector.ts'

const linearConnector = await connectorOf('linear')

function connectorFor({ url }: LinearSimulator): NativeConnector {
  return new NativeConnector(linearConnector, { api_key: apiKey, api_url: url })
}

function idsOf(rows: readonly Row[]): readonly string[] {
  return rows.map(({ id }) => String(id)).toSorted()
}

function refusal(type: string, code: string) {
  return {
    status: 200,
    body: { errors: [{ message: `It is ${type}`, extensions: { type, code } }] },
  }
}

test('a key goes as it is, and a wrong one fails the check with what to do', async () => {
  await using linear = await LinearSimulator.start()
  const source = connectorFor(linear)
  expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
  expect(linear.requests[0]?.authorization).toBe(apiKey)
  expect(await source.with({ api_key: 'wrong' }).check()).toMatchObject({
    status: 'FAILED',
    message: expect.stringMatching(/AUTHENTICATION_ERROR.*settings\/account\/security/) as unknown,
  })
})

test('every stream is read, with what is archived and disabled', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const source = connectorFor(linear)
  const streams = await source.discover()
  expect(streams.map(({ name }) => name)).toEqual([
    'issues',
    'projects',
    'cycles',
    'teams',
    'users',
    'comments',
    'labels',
    'workflow_states',
    'attachments',
    'project_milestones',
    'issue_relations',
  ])
  const counts = new Map<string, number>()
  for (const { name, json_schema: schema } of streams) {
    const { rows, error } = await source.read(name)
    expect(error, name).toBeUndefined()
    counts.set(name, rows.length)
    const properties = Object.keys(schema.properties as object)
    for (const row of rows.slice(0, 2)) expect(Object.keys(row)).toEqual(properties)
  }
  expect(Object.fromEntries(counts)).toEqual({
    issues: 230,
    projects: 1,
    cycles: 1,
    teams: 1,
    users: 2,
    comments: 1,
    labels: 1,
    workflow_states: 1,
    attachments: 1,
    project_milestones: 1,
    issue_relations: 1,
  })
})

test('a later read asks for what changed and what was archived since', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const source = connectorFor(linear)
  const first = await source.read('issues')
  expect(new Set(idsOf(first.rows)).size).toBe(230)
  const { issues } = linear.data.lists
  const [changed, archived] = issues
  if (changed === undefined || archived === undefined) throw new Error('no issues')
  changed.updatedAt = on(20)
  // Its updatedAt stays.
  issues[1] = { ...archived, id: 'issue-002', archivedAt: on(21), updatedAt: on(4, 2) }
  linear.requests.length = 0
  const second = await source.read('issues', { state: first.state })
  expect(idsOf(second.rows)).toEqual(expect.arrayContaining(['issue-001', 'issue-002']))
  // And those of the five minutes before the state.
  expect(second.rows.length).toBeLessThan(10)
  expect(linear.requests).toHaveLength(1)
})

test('what changes while a read goes on does not move the state beyond its start', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const source = connectorFor(linear)
  const future = new Date(Date.now() + 3_600_000).toISOString()
  linear.data.add('issues', { id: 'issue-999', createdAt: on(4), updatedAt: future })
  const { rows, state } = await source.read('issues')
  expect(idsOf(rows)).toContain('issue-999')
  const { updatedAt } = state as { readonly updatedAt: string }
  expect(Date.parse(updatedAt)).toBeLessThanOrEqual(Date.now())
})

test('a read that is stopped goes on from its state without loss', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const source = connectorFor(linear)
  for (const stopAfter of [1, 101, 230]) {
    const stopped = await source.read('issues', { stopAfter })
    const rest = await source.read('issues', { state: stopped.state })
    expect(rest.error).toBeUndefined()
    expect(new Set(idsOf([...stopped.covered, ...rest.rows])).size).toBe(230)
  }
})

test('a limit that comes with status 400 is waited for, and part of a page fails the stream', async () => {
  await using linear = await LinearSimulator.start()
  fillAcme(linear.data)
  const source = connectorFor(linear)
  linear.answerOnce(rateLimited)
  const limited = await source.read('issues')
  expect(limited.error).toBeUndefined()
  expect(limited.rows).toHaveLength(230)
  expect(limited.waits).toBe(1)
  const nodes = [{ id: 'issue-001', updatedAt: on(4) }]
  linear.answerOnce({
    status: 200,
    body: {
      data: { issues: { nodes, pageInfo: { hasNextPage: false, endCursor: null } } },
      errors: [{ message: 'a part is missing' }],
    },
  })
  const partial = await source.read('issues')
  expect(partial.error?.message).toContain('a part is missing')
  expect(partial.rows).toEqual([])
  linear.answerOnce(refusal('forbidden', 'FORBIDDEN'))
  expect((await source.read('teams')).error).toMatchObject({
    code: 'source_refused',
    message: expect.stringContaining('may not read this') as unknown,
  })
})

test('a token of OAuth goes behind Bearer, and is renewed when it has expired', async () => {
  await using linear = await LinearSimulator.start()
  linear.accessTokens.add('given')
  const given = new NativeConnector(linearConnector, { access_token: 'given', api_url: linear.url })
  expect(await given.check()).toEqual({ status: 'SUCCEEDED' })
  expect(linear.requests.at(-1)?.authorization).toBe('Bearer given')
  linear.refreshTokens.add('refresh-first')
  const expired = given.with({
    refresh_token: 'refresh-first',
    token_expiry_date: '2026-01-01T00:00:00Z',
    client_id: 'client',
    client_secret: 'kit-secret',
  })
  expect(await expired.check()).toEqual({ status: 'SUCCEEDED' })
  expect(linear.requests.at(-1)?.authorization).toBe('Bearer access-2')
  expect(expired.changes).toMatchObject([{ access_token: 'access-2', refresh_token: 'refresh-2' }])
})
