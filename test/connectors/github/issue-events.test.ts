import { expect, test } from 'vitest'
import { listOf, timeAt, userOf, type Repository } from '../../fakes/github/data.ts'
import { ids } from '../manifests/loopback-source.ts'
import { asked, startGithub } from './loopback.ts'

function happen(repository: Repository, id: number, createdAt = timeAt(id * 600)): void {
  listOf(repository, 'issues/events').push({
    id,
    event: id % 2 === 0 ? 'closed' : 'labeled',
    actor: userOf('ada'),
    issue: { id: 70, number: 7, title: 'It breaks' },
    created_at: createdAt,
  })
}

const shop = { repositories: ['acme/shop'] }

test('events are read once, and a later read ends at what is known', async () => {
  await using world = await startGithub()
  const repository = world.github.addRepository('acme/shop')
  for (let id = 1; id <= 230; id += 1) happen(repository, id)
  const source = world.source(shop)
  const first = await source.read(['issue_events'])
  expect(first.failures).toEqual([])
  const records = first.records.get('issue_events')
  expect(records).toHaveLength(230)
  expect(records?.[0]).toMatchObject({
    id: 230,
    event: 'closed',
    issue_id: 70,
    issue_number: 7,
    repository_id: repository.id,
    repository_full_name: 'acme/shop',
  })
  expect(records?.[0]).not.toHaveProperty('issue')
  happen(repository, 231, '2025-03-01T10:00:00Z')
  source.now = '2025-03-02T00:00:00Z'
  world.api.clear()
  const second = await source.read(['issue_events'], first.states)
  expect(second.failures).toEqual([])
  expect(ids(second, 'issue_events')).toContain('231')
  expect(second.records.get('issue_events')?.length).toBeLessThan(10)
  expect(asked(world.api, /issues\/events/)).toHaveLength(1)
})

test('of an issue that GitHub leaves out there is no value', async () => {
  await using world = await startGithub()
  const repository = world.github.addRepository('acme/shop')
  for (let id = 1; id <= 2; id += 1) happen(repository, id)
  const [first, second] = listOf(repository, 'issues/events')
  delete first?.issue
  Object.assign(second ?? {}, { issue: null })
  const { records, failures } = await world.source(shop).read(['issue_events'])
  expect(failures).toEqual([])
  const read = records.get('issue_events') ?? []
  expect(read).toHaveLength(2)
  for (const record of read) {
    expect(record).not.toHaveProperty('issue_id')
    expect(record).not.toHaveProperty('issue_number')
  }
})

test('the latest events are read where GitHub ends the list, and the state moves on', async () => {
  await using world = await startGithub()
  const repository = world.github.addRepository('acme/shop')
  repository.maxComments = 200
  for (let id = 1; id <= 300; id += 1) happen(repository, id)
  const source = world.source(shop)
  const first = await source.read(['issue_events'])
  expect(first.failures).toEqual([])
  const read = first.records.get('issue_events') ?? []
  expect(read.length).toBeGreaterThan(150)
  expect(read.length).toBeLessThanOrEqual(200)
  expect(read[0]).toMatchObject({ id: 300 })
  world.api.clear()
  source.now = '2025-03-02T00:00:00Z'
  const second = await source.read(['issue_events'], first.states)
  expect(second.failures).toEqual([])
  expect(asked(world.api, /issues\/events/)).toHaveLength(1)
})
