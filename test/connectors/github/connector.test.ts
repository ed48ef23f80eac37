import { describe, expect, test } from 'vitest'
import { githubOAuth } from '../../../connectors/github/oauth.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import type { ConnectorContext } from '../../../connectors/connector.ts'
import type { ConfiguredAirbyteStream, JsonObject, JsonValue } from '../../../protocol/index.ts'
import { ManifestFlow } from '../../../service/oauth/manifest-flow.ts'
import { TokenFetch } from '../../../service/oauth/token-fetch.ts'
import { listOf, timeAt } from '../../fakes/github/data.ts'
import { GithubSimulator } from '../../fakes/github/simulator.ts'
import { VendorApi } from '../../fakes/vendors/vendor-api.ts'
import { Collected, contextOf } from '../collected.ts'
import { fill } from './loopback.ts'

const github = await connectorOf('github')

async function start() {
  const simulator = new GithubSimulator()
  const api = await VendorApi.start(simulator.handle)
  const url = `http://127.0.0.1:${String(api.port)}`
  const config = { repositories: ['acme/*'], access_token: 'ghp_ada', api_url: url }
  return {
    simulator,
    url,
    config,
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  }
}

function context(signal?: AbortSignal): ConnectorContext {
  return { ...contextOf(signal), allowedNetworks: ['127.0.0.1/32'] }
}

async function read(
  config: JsonObject,
  name: string,
  state: JsonValue | null = null,
  signal?: AbortSignal,
) {
  const { streams } = await github.discover(config, context())
  const stream = streams.find((each) => each.name === name)
  if (stream === undefined) throw new Error(`there is no stream ${name}`)
  const configured: ConfiguredAirbyteStream = {
    stream,
    sync_mode: stream.supported_sync_modes.includes('incremental') ? 'incremental' : 'full_refresh',
    destination_sync_mode: 'append',
  }
  const out = new Collected(stream)
  const task = { config, stream: configured, slice: '', state, session: null }
  const outcome = await github.read(task, out, context(signal)).catch((error: unknown) => error)
  return { out, outcome }
}

describe('the connector', () => {
  test('shows all of its streams, with keys, without a configuration', async () => {
    const described = await github.streams?.()
    expect(described?.streams).toHaveLength(25)
    for (const { name, primaryKey, schema, unsupported } of described?.streams ?? []) {
      expect(unsupported, name).toBeNull()
      expect(primaryKey.length, name).toBeGreaterThan(0)
      const properties = Object.keys((schema?.properties ?? {}) as object)
      expect(properties, name).toEqual(expect.arrayContaining([...primaryKey]))
    }
    const incremental = described?.streams.filter(({ cursorField }) => cursorField !== null)
    expect(incremental?.map(({ name }) => name)).toEqual([
      'commits',
      'issues',
      'issue_comments',
      'issue_events',
      'pull_requests',
      'pull_request_details',
      'reviews',
      'review_comments',
      'workflow_runs',
      'workflow_jobs',
    ])
  })

  test('webhooks refresh streams that there are', async () => {
    const names = (await github.streams?.())?.streams.map(({ name }) => name)
    const [events] = github.descriptor.webhooks
    expect(events).toMatchObject({ eventId: 'header:x-github-delivery' })
    expect(names).toEqual(expect.arrayContaining(Object.values(events?.refreshes ?? {})))
  })

  test('offers a token and OAuth, and a token alone is a configuration', async () => {
    await using world = await start()
    world.simulator.addRepository('acme/shop')
    expect(github.descriptor.auth.map(({ kind }) => kind)).toEqual(['api_key', 'oauth2'])
    expect(await github.check(world.config, context())).toEqual({ status: 'SUCCEEDED' })
    const wrong = await github.check({ ...world.config, access_token: 'ghp_x' }, context())
    expect(wrong).toMatchObject({ status: 'FAILED' })
    expect(wrong.message).not.toContain('ghp_x')
  })

  test('a read that fails in a repository goes on from its state without a loss', async () => {
    await using world = await start()
    const { simulator, config } = world
    for (const name of ['a', 'b', 'c'])
      fill(simulator.addRepository(`acme/${name}`), 'issues', 150, (number) => ({
        updated_at: timeAt(number * 600),
      }))
    let isBroken = true
    simulator.meanwhile = ({ path }) => {
      if (isBroken && path === '/repos/acme/c/issues') simulator.hidden.add('acme/c')
    }
    const first = await read(config, 'issues')
    expect(first.outcome).toMatchObject({ code: expect.any(String) as string })
    isBroken = false
    simulator.hidden.clear()
    const second = await read(config, 'issues', first.out.lastState)
    expect(second.outcome).toBe('complete')
    const keys = [...first.out.covered, ...second.out.rows].map(({ id }) => id)
    expect(new Set(keys).size).toBe(450)
    listOf(simulator.repositories[0] ?? simulator.addRepository('acme/z'), 'issues').push({
      id: 1,
      number: 151,
      state: 'open',
      created_at: timeAt(90_000),
      updated_at: timeAt(90_000),
    })
    const third = await read(config, 'issues', second.out.lastState)
    expect(third.out.rows.map(({ number }) => number)).toContain(151)
    expect(third.out.rows.length).toBeLessThan(10)
  })
})

describe('OAuth in the browser', () => {
  const about = {
    redirectUri: 'http://127.0.0.1:1/callback',
    state: 'the-state',
    verifier: 'the-verifier',
  }
  const { templates } = githubOAuth
  if (templates === undefined) throw new TypeError('the templates are missing')

  test('goes to github.com, or to the website of an Enterprise Server', async () => {
    await using fetch = new TokenFetch([])
    const flow = new ManifestFlow(fetch)
    const client = { id: 'Iv1.client', secret: 'kit-secret' }
    const party = { scheme: githubOAuth, client, inputs: { web_url: '' } }
    const url = new URL(flow.authorizeUrl(party, templates, about))
    expect(url.origin + url.pathname).toBe('https://github.com/login/oauth/authorize')
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_id: 'Iv1.client',
      redirect_uri: about.redirectUri,
      scope: 'repo read:org workflow',
      state: 'the-state',
      code_challenge_method: 'S256',
    })
    const own = { ...party, inputs: { web_url: 'https://git.acme.example/' } }
    expect(flow.authorizeUrl(own, templates, about)).toMatch(
      /^https:\/\/git\.acme\.example\/login\/oauth\/authorize\?/,
    )
  })

  test('a code gives tokens; one that is wrong gives an error, though its status is 200', async () => {
    await using world = await start()
    await using fetch = new TokenFetch(['127.0.0.1/32'])
    const flow = new ManifestFlow(fetch)
    const client = { id: 'Iv1.client', secret: 'kit-secret' }
    const party = { scheme: githubOAuth, client, inputs: { web_url: world.url } }
    const exchange = (code: string) =>
      flow.exchange(party, templates, { about, callback: { state: about.state, code } })
    expect(await exchange('the-code')).toMatchObject({
      access_token: expect.stringMatching(/^ghu_/) as string,
      refresh_token: expect.stringMatching(/^ghr_/) as string,
      expires_in: 28_800,
    })
    await expect(exchange('wrong')).rejects.toThrow()
  })
})
