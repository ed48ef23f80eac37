import { describe, expect, test } from 'vitest'
import { arxiv, type Paper } from '../../fakes/vendors/arxiv.ts'
import { ecb, type Rates } from '../../fakes/vendors/ecb-exchange-rates.ts'
import { gitlab, type GitlabProject } from '../../fakes/vendors/gitlab.ts'
import { searchConsole, type Clicks } from '../../fakes/vendors/google-search-console.ts'
import { klaviyo, type KlaviyoData } from '../../fakes/vendors/klaviyo.ts'
import { complexityExhausted, monday } from '../../fakes/vendors/monday.ts'
import { nasa } from '../../fakes/vendors/nasa.ts'
import { notion, type NotionPage } from '../../fakes/vendors/notion.ts'
import { pokeapi } from '../../fakes/vendors/pokeapi.ts'
import { VendorApi } from '../../fakes/vendors/vendor-api.ts'
import { zendesk, type ZendeskData } from '../../fakes/vendors/zendesk-support.ts'
import { bundled, ids, LoopbackSource } from './loopback-source.ts'

const tooMany = { status: 429, headers: { 'retry-after': '9' }, body: { message: 'slow down' } }

describe('pokeapi', () => {
  test('pages by offset, reads details by name and leaves out what has none', async () => {
    await using api = await VendorApi.start(pokeapi)
    const source = new LoopbackSource(bundled('pokeapi'), {}, api)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
    expect(await source.streams()).toEqual(['pokemon', 'pokemon_details', 'types', 'berries'])
    api.refuseOnce(/pokemon$/, tooMany)
    const read = await source.read(['pokemon', 'pokemon_details', 'berries'])
    expect(read.failures).toEqual([])
    expect(read.records.get('pokemon')).toHaveLength(201)
    expect(read.records.get('pokemon_details')).toHaveLength(200)
    expect(ids(read, 'berries', 'name')).toEqual(['cheri', 'chesto', 'pecha'])
    expect(read.waits).toContain(10)
  })
})

describe('notion', () => {
  const config = { access_token: 'kit-secret-notion' }
  const page = (id: string, day: number, object: NotionPage['object'] = 'page'): NotionPage => {
    const time = `2025-02-${String(day).padStart(2, '0')}T10:00:00.000Z`
    return { object, id, last_edited_time: time }
  }

  test('a wrong secret fails the check with what to do', async () => {
    await using api = await VendorApi.start(notion([]))
    const source = new LoopbackSource(bundled('notion'), config, api)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
    expect(await source.refusal({ access_token: 'wrong' })).toContain(
      'Copy the secret of the integration',
    )
  })

  test('a later read asks for what was edited since, and for blocks of those pages only', async () => {
    const pages = [page('a', 1), page('b', 2), page('c', 3), page('d', 4, 'data_source')]
    await using api = await VendorApi.start(notion(pages))
    const source = new LoopbackSource(bundled('notion'), config, api)
    const all = ['users', 'pages', 'data_sources', 'blocks', 'comments']
    expect(await source.streams()).toEqual(all)
    api.refuseOnce(/users$/, tooMany)
    const first = await source.read(all)
    expect(first.failures).toEqual([])
    expect(ids(first, 'users')).toEqual(['ada', 'bob', 'cyd'])
    expect(ids(first, 'pages')).toEqual(['a', 'b', 'c'])
    expect(ids(first, 'data_sources')).toEqual(['d'])
    expect(first.records.get('blocks')).toHaveLength(9)
    expect(ids(first, 'comments')).toEqual(['a-comment', 'b-comment', 'c-comment'])
    expect(first.waits).toContain(10)

    pages.push(page('e', 20))
    api.clear()
    const second = await source.read(['pages', 'blocks'], first.states)
    expect(second.failures).toEqual([])
    expect(ids(second, 'pages')).toEqual(['c', 'e'])
    const asked = api.requests.map(({ path }) => path)
    expect(asked.filter((path) => path.endsWith('/v1/blocks/a/children'))).toEqual([])
    expect(ids(second, 'blocks')).toContain('e-block-3')
    expect(asked.filter((path) => path === '/v1/search').length).toBeLessThanOrEqual(4)
  })
})

describe('klaviyo', () => {
  const config = { api_key: 'kit-secret-klaviyo', start_date: '2025-01-01T00:00:00Z' }

  test('follows the URL of the next page and filters by what it has read', async () => {
    const data: KlaviyoData = {
      profiles: ['01', '02', '03'].map((day) => ({
        id: `p${day}`,
        updated: `2025-02-${day}T10:00:00+00:00`,
      })),
      events: ['01', '20', '21'].map((day) => ({
        id: `e${day}`,
        datetime: `2025-01-${day} 10:00:00+00:00`,
      })),
    }
    await using api = await VendorApi.start(klaviyo(data))
    const source = new LoopbackSource(bundled('klaviyo'), config, api)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
    expect(await source.refusal({ api_key: 'wrong' })).toContain('Settings > API keys')
    const all = ['profiles', 'events', 'lists', 'metrics', 'email_campaigns']
    expect(await source.streams()).toEqual(all)
    api.refuseOnce(/profiles$/, tooMany)
    const first = await source.read(all)
    expect(first.failures).toEqual([])
    expect(ids(first, 'profiles')).toEqual(['p01', 'p02', 'p03'])
    expect(ids(first, 'events')).toEqual(['e01', 'e20', 'e21'])
    expect(ids(first, 'metrics')).toEqual(['M1', 'M2', 'M3'])
    expect(ids(first, 'email_campaigns')).toEqual(['C1'])
    expect(ids(first, 'lists')).toEqual([])

    data.profiles.push({ id: 'p09', updated: '2025-03-01T10:00:00+00:00' })
    data.events.push({ id: 'e09', datetime: '2025-03-01 10:00:00+00:00' })
    source.now = '2025-03-02T00:00:00Z'
    api.clear()
    const second = await source.read(['profiles', 'events'], first.states)
    expect(second.failures).toEqual([])
    expect(ids(second, 'profiles')).toEqual(['p03', 'p09'])
    expect(ids(second, 'events')).toContain('e09')
    expect(ids(second, 'events')).not.toContain('e20')
  })
})

describe('zendesk-support', () => {
  const config = {
    subdomain: 'acme',
    email: 'ada@acme.example',
    api_token: 'kit-secret-zendesk',
    start_date: '2025-01-01T00:00:00Z',
  }
  const timeAt = (time: string): number => Date.parse(time) / 1000

  test('exports what changed since the last read, through cursors and times', async () => {
    const times = ['2025-01-10T00:00:00Z', '2025-01-11T00:00:00Z', '2025-01-12T00:00:00Z']
    const changes = (): Map<number, number> =>
      new Map([
        [1, timeAt('2024-06-01T00:00:00Z')],
        ...times.map((time, index) => [index + 2, timeAt(time)] as const),
      ])
    const data: ZendeskData = { tickets: changes(), users: changes(), organizations: changes() }
    await using api = await VendorApi.start(zendesk(data))
    const source = new LoopbackSource(bundled('zendesk-support'), config, api)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
    expect(await source.refusal({ api_token: 'wrong' })).toContain('Check email and api_token')
    const all = ['tickets', 'users', 'organizations', 'groups', 'ticket_fields']
    expect(await source.streams()).toEqual(all)
    api.refuseOnce(/incremental\/tickets/, tooMany)
    const first = await source.read(all)
    expect(first.failures).toEqual([])
    expect(ids(first, 'tickets')).toEqual(['2', '3', '4'])
    expect(ids(first, 'users')).toEqual(['2', '3', '4'])
    // Pages by time repeat the record at their border.
    expect(new Set(ids(first, 'organizations'))).toEqual(new Set(['2', '3', '4']))
    expect(ids(first, 'groups')).toEqual(['1', '2', '3'])
    expect(ids(first, 'ticket_fields')).toEqual(['1', '2', '3'])
    expect(first.waits).toContain(10)

    for (const changed of [data.tickets, data.users, data.organizations])
      changed.set(9, timeAt('2025-02-01T00:00:00Z'))
    api.clear()
    const second = await source.read(['tickets', 'users', 'organizations'], first.states)
    expect(second.failures).toEqual([])
    for (const stream of ['tickets', 'users', 'organizations'])
      expect(ids(second, stream)).toEqual(['4', '9'])
    expect(api.requests.map(({ query }) => query.get('start_time'))).toEqual(
      Array.from({ length: 3 }, () => String(timeAt('2025-01-12T00:00:00Z'))),
    )
  })
})

describe('monday', () => {
  test('asks in GraphQL, pages by number and by cursor, and waits where an error asks for it', async () => {
    await using api = await VendorApi.start(monday)
    const source = new LoopbackSource(bundled('monday'), { api_token: 'kit-secret-monday' }, api)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
    expect(await source.refusal({ api_token: 'wrong' })).toContain('Developers > API token')
    const all = ['workspaces', 'users', 'boards', 'items']
    expect(await source.streams()).toEqual(all)
    api.refuseOnce(/v2/, complexityExhausted)
    const read = await source.read(all)
    expect(read.failures).toEqual([])
    expect(read.records.get('workspaces')).toHaveLength(101)
    expect(ids(read, 'boards')).toEqual(['10', '11'])
    expect(ids(read, 'items')).toEqual(['100', '101', '102'])
    expect(read.waits).toContain(8)
  })

  test('an error in a body fails the stream with what monday.com says', async () => {
    await using api = await VendorApi.start(monday)
    const source = new LoopbackSource(bundled('monday'), { api_token: 'kit-secret-monday' }, api)
    api.refuseOnce(/v2/, { body: { errors: [{ message: 'Field is gone' }] } })
    const read = await source.read(['users'])
    expect(read.failures[0]).toContain('Field is gone')
  })
})

describe('ecb-exchange-rates', () => {
  const config = { currencies: ['USD', 'CHF'], start_date: '2024-01-01' }

  test('reads CSV by currency and year, and goes on from the last day of each', async () => {
    const rates: Rates = {
      USD: { '2024-01-02': 1.0956, '2025-02-27': 1.05, '2024-01': 1.0905, '2025-01': 1.0354 },
      CHF: { '2025-02-27': 0.93 },
    }
    await using api = await VendorApi.start(ecb(rates))
    const source = new LoopbackSource(bundled('ecb-exchange-rates'), config, api)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
    expect(await source.streams()).toEqual(['daily_rates', 'monthly_rates'])
    api.refuseOnce(/D\.USD/, { ...tooMany, body: 'slow down' })
    const first = await source.read(['daily_rates', 'monthly_rates'])
    expect(first.failures).toEqual([])
    expect(ids(first, 'daily_rates', 'time_period')).toEqual([
      '2024-01-02',
      '2025-02-27',
      '2025-02-27',
    ])
    expect(ids(first, 'daily_rates', 'obs_value')).toEqual(['0.93', '1.05', '1.0956'])
    expect(ids(first, 'monthly_rates', 'time_period')).toEqual(['2024-01', '2025-01'])

    Object.assign(rates.USD ?? {}, { '2025-03-03': 1.0465 })
    source.now = '2025-03-04T00:00:00Z'
    api.clear()
    const second = await source.read(['daily_rates'], first.states)
    expect(second.failures).toEqual([])
    expect(ids(second, 'daily_rates', 'time_period')).toContain('2025-03-03')
    expect(ids(second, 'daily_rates', 'time_period')).not.toContain('2024-01-02')
    const usd = api.requests.filter(({ path }) => path.includes('D.USD'))
    expect(usd.map(({ query }) => query.get('startPeriod'))).toEqual(['2025-02-27'])
  })

  test('a currency without rates is no failure', async () => {
    await using api = await VendorApi.start(ecb({}))
    const read = await new LoopbackSource(bundled('ecb-exchange-rates'), config, api).read([
      'daily_rates',
    ])
    expect(read.failures).toEqual([])
    expect(read.records.get('daily_rates')).toEqual([])
  })
})

describe('arxiv', () => {
  const config = { search_query: 'cat:cs.DB', start_date: '2025-01-01' }
  const paper = (id: string, published: string, updated = published): Paper => ({
    id,
    published,
    updated,
    authors: id.endsWith('7v1') ? ["Ada O'Hara", 'Bob'] : ['Ada'],
  })

  test('reads Atom by windows and pages, a request in three seconds', async () => {
    const papers = Array.from({ length: 201 }, (_, index) => {
      const second = String(index % 60).padStart(2, '0')
      const minute = String(Math.floor(index / 60)).padStart(2, '0')
      return paper(`2501.${String(index).padStart(5, '0')}v1`, `2025-01-05T10:${minute}:${second}Z`)
    })
    await using api = await VendorApi.start(arxiv(papers))
    const source = new LoopbackSource(bundled('arxiv'), config, api)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
    expect(await source.streams()).toEqual(['submissions', 'revisions'])
    api.refuseOnce(/query/, { ...tooMany, body: 'slow down' })
    const first = await source.read(['submissions', 'revisions'])
    expect(first.failures).toEqual([])
    expect(new Set(ids(first, 'submissions')).size).toBe(201)
    expect(ids(first, 'revisions')).toHaveLength(201)
    const [record] = first.records.get('submissions') ?? []
    expect(record).toMatchObject({ authors: ['Ada'], categories: ['cs.DB'] })
    // At least: two pages and an empty window of submissions, two pages of revisions.
    expect(first.waits.reduce((sum, seconds) => sum + seconds, 0)).toBeGreaterThanOrEqual(12)

    papers.push(paper('2503.00007v1', '2025-03-03T10:00:00Z'))
    papers.push(paper('2501.00001v2', '2025-01-05T10:00:01Z', '2025-03-04T10:00:00Z'))
    source.now = '2025-03-05T00:00:00Z'
    api.clear()
    const second = await source.read(['submissions', 'revisions'], first.states)
    expect(second.failures).toEqual([])
    expect(ids(second, 'submissions')).toContain('http://arxiv.org/abs/2503.00007v1')
    expect(ids(second, 'submissions').length).toBeLessThan(60)
    expect(ids(second, 'revisions')).toContain('http://arxiv.org/abs/2501.00001v2')
    expect(ids(second, 'revisions').length).toBeLessThan(5)
    const added = second.records.get('submissions')?.at(-1)
    expect(added).toMatchObject({ authors: ["Ada O'Hara", 'Bob'] })
  })
})

describe('google-search-console', () => {
  const config = {
    client_id: 'client',
    client_secret: 'kit-secret-client',
    refresh_token: 'kit-secret-refresh',
    start_date: '2025-02-01',
  }

  test('gets a token for each stream, reads verified sites by weeks and pages, and reads the last days again', async () => {
    const many = Array.from(
      { length: 25_001 },
      (_, index) => [`/page-${String(index)}`, 1] as const,
    )
    const clicks: Clicks = new Map([
      ['2025-02-02', new Map([['/', 5]])],
      ['2025-02-10', new Map(many)],
      ['2025-02-25', new Map([['123', 7]])],
    ])
    await using api = await VendorApi.start(searchConsole(clicks))
    const source = new LoopbackSource(bundled('google-search-console'), config, api)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
    const all = [
      'sites',
      'sitemaps',
      'performance_by_date',
      'performance_by_page',
      'performance_by_query',
    ]
    expect(await source.streams()).toEqual(all)
    api.clear()
    api.refuseOnce(/sitemaps$/, tooMany)
    const read = ['sites', 'sitemaps', 'performance_by_date', 'performance_by_page']
    const first = await source.read(read)
    expect(first.failures).toEqual([])
    // Four streams, and the parents of three of them.
    expect(api.requests.filter(({ path }) => path === '/token')).toHaveLength(7)
    expect(ids(first, 'sites', 'siteUrl')).toHaveLength(2)
    expect(ids(first, 'sitemaps', 'site_url')).toEqual(['https://example.com/'])
    expect(ids(first, 'performance_by_date', 'date')).toEqual([...clicks.keys()])
    expect(first.records.get('performance_by_page')).toHaveLength(25_003)
    // A page that looks like a number stays a text.
    expect(first.records.get('performance_by_page')).toContainEqual(
      expect.objectContaining({ date: '2025-02-25', page: '123' }),
    )

    clicks.set('2025-03-01', new Map([['/', 8]]))
    source.now = '2025-03-04T00:00:00Z'
    api.clear()
    const second = await source.read(['performance_by_date'], first.states)
    expect(second.failures).toEqual([])
    expect(ids(second, 'performance_by_date', 'date')).toEqual(['2025-02-25', '2025-03-01'])
  })

  test('a refresh token that was revoked fails the check', async () => {
    await using api = await VendorApi.start(searchConsole(new Map()))
    const source = new LoopbackSource(bundled('google-search-console'), config, api)
    expect(await source.refusal({ refresh_token: 'revoked' })).not.toContain('revoked')
  })
})

describe('gitlab', () => {
  const config = {
    access_token: 'kit-secret-gitlab',
    start_date: '2025-01-01T00:00:00Z',
    url: 'https://git.example.com/',
  }

  test('follows Link headers, and asks a later time only for projects where something happened', async () => {
    const projects: GitlabProject[] = [1, 2].map((id) => ({
      id,
      last_activity_at: `2025-02-0${String(id)}T10:00:00.000Z`,
      issues: new Map([
        [id * 10, '2025-01-20T10:00:00.000Z'],
        [id * 10 + 1, '2025-01-21T10:00:00.000Z'],
      ]),
    }))
    await using api = await VendorApi.start(gitlab(projects))
    const source = new LoopbackSource(bundled('gitlab'), config, api)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
    expect(await source.refusal({ access_token: 'wrong' })).toContain('scope read_api')
    expect(await source.streams()).toEqual(['projects', 'issues', 'merge_requests', 'pipelines'])
    api.refuseOnce(/1\/issues$/, tooMany)
    const first = await source.read(['projects', 'issues', 'merge_requests', 'pipelines'])
    expect(first.failures).toEqual([])
    expect(ids(first, 'projects')).toEqual(['1', '2'])
    expect(ids(first, 'issues')).toEqual(['10', '11', '20', '21'])
    expect(ids(first, 'merge_requests')).toEqual(['10', '11', '20', '21'])
    expect(ids(first, 'pipelines')).toEqual([])
    expect(first.waits).toContain(10)

    const [, busy] = projects
    busy?.issues.set(22, '2025-03-02T10:00:00.000Z')
    if (busy !== undefined) busy.last_activity_at = '2025-03-02T10:00:00.000Z'
    source.now = '2025-03-03T00:00:00Z'
    api.clear()
    const second = await source.read(['issues'], first.states)
    expect(second.failures).toEqual([])
    expect(ids(second, 'issues')).toEqual(['22'])
    expect(api.requests.filter(({ path }) => path.includes('/projects/1/'))).toEqual([])
  })
})

describe('nasa', () => {
  const config = { api_key: 'kit-secret-nasa', start_date: '2025-01-20' }

  test('reads windows of days up to a day that has begun, and pages by number', async () => {
    const clock = { today: '2025-02-28' }
    await using api = await VendorApi.start(nasa(clock))
    const source = new LoopbackSource(bundled('nasa'), config, api)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
    expect(await source.refusal({ api_key: 'wrong' })).toContain('https://api.nasa.gov')
    const all = [
      'pictures_of_the_day',
      'near_earth_objects',
      'asteroids',
      'space_weather_notifications',
    ]
    expect(await source.streams()).toEqual(all)
    api.refuseOnce(/apod/, tooMany)
    const first = await source.read(all)
    expect(first.failures).toEqual([])
    for (const stream of all.filter((name) => name !== 'asteroids'))
      expect(first.records.get(stream), stream).toHaveLength(40)
    expect(first.records.get('asteroids')).toHaveLength(21)

    clock.today = '2025-03-02'
    source.now = '2025-03-02T12:00:00Z'
    api.clear()
    const second = await source.read(['pictures_of_the_day', 'near_earth_objects'], first.states)
    expect(second.failures).toEqual([])
    expect(ids(second, 'pictures_of_the_day', 'date')).toEqual([
      '2025-02-28',
      '2025-03-01',
      '2025-03-02',
    ])
    expect(api.requests).toHaveLength(2)
  })
})
