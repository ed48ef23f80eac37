import { describe, expect, test } from 'vitest'
import { get } from '../../../manifest-interpreter/value/dict.ts'
import type { Dict } from '../../../manifest-interpreter/value/value.ts'
import { listOf, timeAt, type Repository } from '../../fakes/github/data.ts'
import type { VendorApi } from '../../fakes/vendors/vendor-api.ts'
import { ids } from '../manifests/loopback-source.ts'
import { fill, startGithub, type GithubLoopback } from './loopback.ts'
import { longTest } from '../../support/long.ts'

const streams = ['issues', 'issue_comments', 'review_comments', 'pull_requests']
const lists = ['issues', 'issues/comments', 'pulls/comments', 'pulls']

function fillLists(repository: Repository, count = 3): void {
  for (const list of lists) fill(repository, list, count)
}

/** A source that has read twice: from the second read on, a read begins at the last change. */
async function readTwice({ source: open }: Pick<GithubLoopback, 'source'>) {
  const source = open({ repositories: ['acme/*'] })
  const first = await source.read(streams)
  source.now = '2025-03-02T00:00:00Z'
  const second = await source.read(streams, first.states)
  source.now = '2025-03-03T00:00:00Z'
  return { source, states: second.states }
}

/**
 * Counts the requests for lists of a repository: all of them, and those that asked for a response only if it
 * has changed.
 */
function conditional(api: VendorApi): { readonly requests: number; readonly conditional: number } {
  const requests = api.requests.filter(({ path }) =>
    lists.some((list) => path.startsWith('/repos/') && path.endsWith(`/${list}`)),
  )
  const some = requests.filter(({ headers }) => headers['if-none-match'] !== undefined)
  return { requests: requests.length, conditional: some.length }
}

describe('lists that have not changed', () => {
  test('are not read again, and cost nothing of the limit', async () => {
    await using world = await startGithub()
    for (const name of ['acme/shop', 'acme/site']) fillLists(world.github.addRepository(name))
    world.github.addRepository('acme/empty')
    const { source, states } = await readTwice(world)
    world.api.clear()
    const third = await source.read(streams, states)
    expect(third.failures).toEqual([])
    expect([...third.records.values()].flat()).toEqual([])
    expect(conditional(world.api)).toEqual({ requests: 12, conditional: 12 })
    expect(third.states).toEqual(states)
  })

  test('are read where they changed, and only there', async () => {
    await using world = await startGithub()
    const shop = world.github.addRepository('acme/shop')
    const site = world.github.addRepository('acme/site')
    for (const repository of [shop, site]) fillLists(repository)
    const { source, states } = await readTwice(world)
    for (const list of lists) Object.assign(listOf(shop, list)[0] ?? {}, changedAt('02T12:00:00Z'))
    // In the second that the state names: its time says nothing.
    listOf(site, 'issues').push({
      id: 77,
      number: 77,
      state: 'open',
      created_at: timeAt(3),
      updated_at: timeAt(3),
    })
    const third = await source.read(streams, states)
    expect(third.failures).toEqual([])
    for (const stream of streams) expect(ids(third, stream, 'number')).toContain('1')
    expect(ids(third, 'issues', 'number')).toContain('77')
    source.now = '2025-03-04T00:00:00Z'
    const fourth = await source.read(streams, third.states)
    expect(fourth.failures).toEqual([])
    expect((await source.read(streams, fourth.states)).records.get('issues')).toEqual([])
  })

  longTest('are read in full without a state', async () => {
    await using world = await startGithub()
    fillLists(world.github.addRepository('acme/shop'))
    const { source } = await readTwice(world)
    world.api.clear()
    const whole = await source.read(streams)
    for (const stream of streams) expect(whole.records.get(stream)).toHaveLength(3)
    expect(conditional(world.api).conditional).toBe(0)
  })
})

describe('no condition is set', () => {
  test('where a list had several pages, which may change beside the first one', async () => {
    await using world = await startGithub()
    const shop = world.github.addRepository('acme/shop')
    // All of one second, so the state does not move past them.
    for (const list of lists) fill(shop, list, 130, () => ({ updated_at: timeAt(5) }))
    const { source, states } = await readTwice(world)
    world.api.clear()
    const third = await source.read(streams, states)
    expect(third.failures).toEqual([])
    expect(conditional(world.api).conditional).toBe(0)
    expect(new Set(ids(third, 'issues')).size).toBe(130)
  })

  longTest('where a page is full: its ETag does not show what comes after it', async () => {
    await using world = await startGithub()
    const shop = world.github.addRepository('acme/shop')
    for (const list of lists) fill(shop, list, 100, () => ({ updated_at: timeAt(5) }))
    const { source, states } = await readTwice(world)
    for (const list of lists) fill(shop, list, 1, () => ({ updated_at: timeAt(5) }))
    const third = await source.read(streams, states)
    expect(third.failures).toEqual([])
    for (const stream of streams) expect(ids(third, stream, 'number')).toContain('101')
  })

  test('while a record is newer than this clock: the next read has to give it', async () => {
    await using world = await startGithub()
    const shop = world.github.addRepository('acme/shop')
    fillLists(shop)
    for (const list of lists) Object.assign(listOf(shop, list)[0] ?? {}, changedAt('04T00:00:00Z'))
    const { source, states } = await readTwice(world)
    source.now = '2025-03-05T00:00:00Z'
    const third = await source.read(streams, states)
    for (const stream of streams) expect(ids(third, stream, 'number')).toContain('1')
  })

  longTest('for the pull requests whose reviews are read', async () => {
    await using world = await startGithub()
    const shop = world.github.addRepository('acme/shop')
    fill(shop, 'pulls', 2)
    const source = world.source({ repositories: ['acme/shop'] })
    let states = (await source.read(['reviews'])).states
    for (const day of ['02', '03']) {
      source.now = `2025-03-${day}T00:00:00Z`
      states = (await source.read(['reviews'], states)).states
    }
    expect(conditional(world.api)).toMatchObject({ conditional: 0 })
    expect(JSON.stringify(states.get('reviews'))).not.toContain('etag')
  })
})

longTest(
  'the ETag is in the state of its repository, with the time that the list was asked for',
  async () => {
    await using world = await startGithub()
    fillLists(world.github.addRepository('acme/shop'))
    const { states } = await readTwice(world)
    const cursors = (get(states.get('issues') as Dict, 'states') as readonly Dict[]).map((each) =>
      get(each, 'cursor'),
    )
    const etag = expect.stringMatching(/^W\/"[0-9a-f]{64}"$/) as string
    expect(cursors).toEqual([
      { updated_at: timeAt(3), last_response: { start: '2024-12-31T23:55:03Z', etag } },
    ])
  },
)

function changedAt(rest: string): object {
  return { updated_at: `2025-03-${rest}` }
}
