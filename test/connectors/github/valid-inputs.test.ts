import { describe, expect, test } from 'vitest'
import { githubActions } from '../../../connectors/github/actions/actions.ts'
import { isJsonObject, type JsonObject } from '../../../protocol/index.ts'
import { listOf } from '../../fakes/github/data.ts'
import { startWorld } from './action-world.ts'
import { planProblems } from './openapi.ts'

const place = { owner: 'acme', repo: 'shop' }
const issue = { ...place, issue_number: 7 }
const pull = { ...place, pull_number: 8 }
const sha = '0123456789abcdef0123456789abcdef01234567'
const bot = {
  name: 'github-actions[bot]',
  email: '41898282+github-actions[bot]@users.noreply.github.com',
}
const written = { ...place, path: 'a.md', message: 'Write' }

/** Inputs that GitHub accepts according to its own description, and inputs that people send to it. */
const accepted: readonly (readonly [action: string, input: JsonObject])[] = [
  ['createOrUpdateFile', { ...written, content: '', committer: bot, author: bot }],
  ['deleteFile', { ...written, sha, author: { name: 'Ada' }, committer: { email: 'ada@acme' } }],
  ['getFile', { ...place, path: '' }],
  ['getFile', place],
  ['dispatchWorkflow', { ...place, workflow_id: 161335, ref: 'main' }],
  ['updateIssue', { ...issue, body: null, title: null }],
  [
    'updateIssue',
    { ...issue, state: 'closed', state_reason: 'duplicate', duplicate_issue_id: 4711 },
  ],
  ['createIssue', { ...place, title: 'x', labels: [{ name: 'bug', color: null }, 'api'] }],
  ['addLabels', { ...issue, labels: [{ name: 'bug' }] }],
  ['setLabels', { ...issue, labels: [{ name: 'bug' }] }],
  ['addAssignees', { ...issue, assignees: [] }],
  ['removeAssignees', { ...issue, assignees: [] }],
  ['searchIssues', { q: 'x', sort: 'reactions-+1' }],
  ['searchIssues', { q: 'x', sort: 'reactions-thinking_face' }],
  // The limit of 256 characters is not for qualifiers.
  ['searchIssues', { q: Array.from({ length: 30 }, () => 'repo:acme/shop').join(' ') }],
  ['createMilestone', { ...place, title: '1.0', due_on: '2026-01-01T00:00:00+01:00' }],
  ['createPullRequest', { ...place, issue: 7, head: 'x', base: 'main' }],
  ['mergePullRequest', { ...pull, commit_title: `${'x'.repeat(256)} (#8)` }],
  ['createReview', { ...pull, comments: [{ path: 'a.md', position: 3, body: 'Why?' }] }],
  [
    'createReviewComment',
    { ...pull, body: 'x', commit_id: sha, path: 'a.md', line: 3, start_side: 'side' },
  ],
]

test.each(accepted)('%s takes %j', (name, input) => {
  const action = githubActions.find(({ descriptor }) => descriptor.name === name)
  if (action === undefined) throw new TypeError(`there is no action ${name}`)
  expect(planProblems(action.call(input).plan({}))).toEqual([])
})

test('an empty list takes all labels off', () => {
  const action = githubActions.find(({ descriptor }) => descriptor.name === 'setLabels')
  // GitHub says so in the description of the field, whose schema wants one.
  expect(action?.call({ ...issue, labels: [] }).plan({}).body).toEqual({
    kind: 'json',
    value: { labels: [] },
  })
})

describe('against a GitHub that stores what is written', () => {
  test('a file that was read can be written again: line breaks of Base64 are taken out', async () => {
    await using world = await startWorld()
    const shop = world.github.addRepository('acme/shop')
    const content = Buffer.from('x'.repeat(200)).toString('base64')
    await world.invoke('createOrUpdateFile', { ...written, content: `${content}\r\n` })
    const read = await world.invoke('getFile', { ...place, path: 'a.md' })
    const file = isJsonObject(read) ? read : {}
    expect(file.content).toMatch(/^(?:[^\n]{60}\n)+[^\n]{1,60}\n$/)
    const copy = { ...written, path: 'copy.md', content: file.content ?? '' }
    await world.invoke('createOrUpdateFile', copy)
    expect(shop.files.get('copy.md')?.content).toBe(content)
    const wrong = { ...written, path: 'b.md', content: 'no Base64!' }
    expect(await world.failure('createOrUpdateFile', wrong)).toMatchObject({
      code: 'action_input_invalid',
      details: { problems: [{ path: '/content' }] },
    })
  })

  test('the root and folders are listed', async () => {
    await using world = await startWorld()
    world.github.addRepository('acme/shop')
    for (const path of ['README.md', 'docs/a.md', 'docs/more/b.md'])
      await world.invoke('createOrUpdateFile', { ...written, path, content: 'aGk=' })
    const root = {
      type: 'dir',
      path: '',
      entries: [
        { type: 'file', path: 'README.md' },
        { type: 'dir', path: 'docs' },
      ],
    }
    expect(await world.invoke('getFile', place)).toMatchObject(root)
    expect(await world.invoke('getFile', { ...place, path: '' })).toMatchObject(root)
    expect(await world.invoke('getFile', { ...place, path: 'docs' })).toMatchObject({
      name: 'docs',
      entries: [
        { type: 'file', path: 'docs/a.md' },
        { type: 'dir', path: 'docs/more' },
      ],
    })
  })

  test('null empties the text of an issue, and a workflow is started by its id', async () => {
    await using world = await startWorld()
    const shop = world.github.addRepository('acme/shop')
    await world.invoke('createIssue', { ...place, title: 'x', body: 'y', labels: ['bug'] })
    const first = { ...place, issue_number: 1 }
    expect(await world.invoke('updateIssue', { ...first, body: null })).toMatchObject({
      body: null,
    })
    listOf(shop, 'actions/workflows').push({ id: 5, path: '.github/workflows/main.yml' })
    expect(
      await world.invoke('dispatchWorkflow', { ...place, workflow_id: 5, ref: 'main' }),
    ).toEqual({})
    const untitled = { ...place, head: 'x', base: 'main' }
    expect(await world.failure('createPullRequest', untitled)).toMatchObject({
      code: 'action_input_invalid',
    })
  })
})
