import { describe, expect, test } from 'vitest'
import { listOf } from '../../fakes/github/data.ts'
import { refusal } from '../../fakes/github/answers.ts'
import { ids } from '../manifests/loopback-source.ts'
import { asked, fill, startGithub } from './loopback.ts'

const shop = { repositories: ['acme/shop'] }

describe('limits', () => {
  test('a read waits until the primary limit is reset', async () => {
    await using world = await startGithub()
    fill(world.github.addRepository('acme/shop'), 'labels', 3)
    world.github.remaining = 1
    world.github.resetAt = Date.parse('2025-03-01T00:30:00Z') / 1000
    const read = await world.source(shop).read(['labels'])
    expect(read.failures).toEqual([])
    expect(read.records.get('labels')).toHaveLength(3)
    expect(Math.max(...read.waits)).toBeGreaterThanOrEqual(1800)
    expect(Math.max(...read.waits)).toBeLessThan(1810)
  })

  test('a refusal because of the primary limit waits for its reset', async () => {
    await using world = await startGithub()
    fill(world.github.addRepository('acme/shop'), 'labels', 3)
    world.github.remaining = 0
    world.github.resetAt = Date.parse('2025-03-01T00:20:00Z') / 1000
    const read = await world.source(shop).read(['labels'])
    expect(read.failures).toEqual([])
    expect(Math.max(...read.waits)).toBeGreaterThanOrEqual(1200)
    expect(Math.max(...read.waits)).toBeLessThan(1210)
    expect(read.rateLimited.length).toBeGreaterThan(0)
  })

  test('a secondary limit waits as long as it says, and a minute if it says nothing', async () => {
    await using world = await startGithub()
    fill(world.github.addRepository('acme/shop'), 'labels', 3)
    const secondary = refusal(403, 'You have exceeded a secondary rate limit. Please wait.')
    world.api.refuseOnce(/labels$/, secondary)
    const plain = await world.source(shop).read(['labels'])
    expect(plain.failures).toEqual([])
    expect(plain.waits).toContain(61)
    world.api.refuseOnce(/labels$/, { ...secondary, headers: { 'retry-after': '25' } })
    expect((await world.source(shop).read(['labels'])).waits).toContain(26)
    world.api.refuseOnce(/labels$/, { ...refusal(429, 'slow'), headers: { 'retry-after': '7' } })
    expect((await world.source(shop).read(['labels'])).waits).toContain(8)
  })

  test('a server error is tried again soon, and texts of records are no errors', async () => {
    await using world = await startGithub()
    const repository = world.github.addRepository('acme/shop')
    fill(repository, 'releases', 2, () => ({ message: 'rate limit, Issues are disabled' }))
    world.api.refuseOnce(/releases$/, {
      ...refusal(502, 'Server Error'),
      headers: { 'x-ratelimit-remaining': '10', 'x-ratelimit-reset': '1893456000' },
    })
    const read = await world.source(shop).read(['releases'])
    expect(read.failures).toEqual([])
    expect(read.records.get('releases')).toHaveLength(2)
    expect(Math.max(...read.waits)).toBeLessThan(10)
  })

  test('a list that GitHub cuts off fails the stream', async () => {
    await using world = await startGithub()
    const stars = listOf(world.github.addRepository('acme/shop'), 'stargazers')
    for (let id = 1; id <= 150; id += 1) stars.push({ user: { id } })
    world.api.refuseOnce(/stargazers$/, refusal(422, 'pagination is limited for this resource.'))
    const read = await world.source(shop).read(['stargazers'])
    expect(read.failures.join()).toContain('pagination is limited')
  })

  test('a missing permission fails the stream and names what is needed', async () => {
    await using world = await startGithub()
    world.github.addRepository('acme/shop')
    const sso = 'required; url=https://github.com/orgs/acme/sso'
    const denied = refusal(403, 'Resource not accessible by personal access token')
    const headers = { 'x-accepted-github-permissions': 'deployments=read' }
    world.api.refuseOnce(/deployments$/, { ...denied, headers })
    const read = await world.source(shop).read(['deployments'])
    expect(read.failures.join()).toContain('deployments=read')
    world.api.refuseOnce(/deployments$/, { ...denied, headers: { 'x-github-sso': sso } })
    expect((await world.source(shop).read(['deployments'])).failures.join()).toContain(sso)
  })
})

describe('credentials', () => {
  test('a wrong token fails the check with what to do', async () => {
    await using world = await startGithub()
    world.github.addRepository('acme/shop')
    const source = world.source(shop)
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
    expect(await source.refusal({ access_token: 'ghp_wrong' })).toContain('Personal access tokens')
  })

  test('an App reads what it is installed on, with a token of the installation', async () => {
    await using world = await startGithub()
    const { github } = world
    for (const name of ['acme/shop', 'acme/site', 'beta/api'])
      fill(github.addRepository(name), 'labels', 2)
    const { appId: app_id, installationId: installation_id, privateKey } = github
    // As people paste it.
    const private_key = privateKey.replaceAll('\n', '\\n')
    const source = world.source({ repositories: ['acme/*'], app_id, installation_id, private_key })
    expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
    const read = await source.read(['repositories', 'labels'])
    expect(read.failures).toEqual([])
    expect(ids(read, 'repositories', 'full_name')).toEqual(['acme/shop', 'acme/site'])
    expect(read.records.get('labels')).toHaveLength(4)
    expect(await source.refusal({ app_id: '1' })).toContain('Check app_id and private_key')
    expect(await source.refusal({ installation_id: '1' })).toContain('Check installation_id')
  })

  test('an installation token is asked for again before its hour is over', async () => {
    await using world = await startGithub()
    const { github } = world
    for (let index = 0; index < 3; index += 1)
      fill(github.addRepository(`acme/r${String(index)}`), 'labels', 1)
    const { appId: app_id, installationId: installation_id, privateKey: private_key } = github
    github.remaining = 3
    github.resetAt = Date.parse('2025-03-01T00:59:00Z') / 1000
    let isExpired = false
    github.meanwhile = () => {
      if (github.remaining > 10 && !isExpired) {
        github.expireInstallationTokens()
        isExpired = true
      }
    }
    const source = world.source({ repositories: ['acme/*'], app_id, installation_id, private_key })
    const read = await source.read(['labels'])
    expect(read.failures).toEqual([])
    expect(asked(world.api, /access_tokens/).length).toBeGreaterThan(1)
  })

  test('a token of a user of an App is refreshed, and a refresh token that is used up fails', async () => {
    await using world = await startGithub()
    const { github } = world
    fill(github.addRepository('acme/shop'), 'labels', 2)
    github.refreshTokens.add('ghr_first')
    const config = {
      ...shop,
      access_token: 'ghu_old',
      refresh_token: 'ghr_first',
      token_expiry_date: '2025-02-28T23:00:00Z',
      client_id: 'Iv1.client',
      client_secret: 'kit-secret-client',
    }
    const source = world.source(config)
    const read = await source.read(['labels'])
    expect(read.failures).toEqual([])
    expect(read.records.get('labels')).toHaveLength(2)
    const refreshed = world.api.requests.find(({ path }) => path.includes('access_token'))
    expect(refreshed?.host).toBe('github.com')
    expect(await source.refusal({ refresh_token: 'ghr_used' })).toContain(
      'Refresh token was rejected',
    )
  })

  test('an Enterprise Server is read at its own address', async () => {
    await using world = await startGithub()
    fill(world.github.addRepository('acme/shop'), 'labels', 130)
    const source = world.source({ ...shop, api_url: 'https://git.acme.example/api/v3/' })
    const read = await source.read(['labels'])
    expect(read.failures).toEqual([])
    expect(read.records.get('labels')).toHaveLength(130)
    expect(new Set(world.api.requests.map(({ host }) => host))).toEqual(
      new Set(['git.acme.example']),
    )
    for (const { headers } of world.api.requests)
      expect(headers).toMatchObject({
        'user-agent': 'reactor-connect',
        'x-github-api-version': '2022-11-28',
      })
  })
})
