import { readFile, stat, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { askIdentity } from '../../../cli/auth/ask-identity.ts'
import { isEncrypted } from '../../../cli/auth/is-encrypted.ts'
import { keepLogin, loginFile, readLogins } from '../../../cli/client/login-file.ts'
import type { Environment } from '../../../plan/environment.ts'
import { writeLocalService } from '../../../service/serve/local-service-file.ts'
import { IdentityService } from '../../fakes/identity-service.ts'
import { TestApi } from '../../support/test-api.ts'
import { closedPort } from '../reactor-command.ts'
import { reactor, type CommandEnd, type CommandOptions } from '../service-command-line.ts'
import { neverAborted } from '../../support/signal.ts'
import { newFolder } from '../../support/new-folder.ts'
import { longTest } from '../../support/long.ts'

const email = 'ada@example.com'
const password = 'kit-horse battery'
let home: string
let api: TestApi
beforeEach(async () => {
  home = await newFolder('login')
  api = await TestApi.start()
  await api.service.users.create({ email, role: 'operator', password })
})
afterEach(async () => {
  await api[Symbol.asyncDispose]()
})

function environment(more: Environment = {}): Environment {
  return { HOME: home, REACTOR_CONNECT_DATA_DIR: home, ...more }
}

async function auth(line: string, options: Partial<CommandOptions> = {}): Promise<CommandEnd> {
  const argv = ['auth', ...line.split(' ')]
  return reactor(argv, { environment: environment(), ...options })
}

async function logIn(url = api.url): Promise<void> {
  const end = await auth(`login ${email} --password-stdin --url ${url}`, { stdin: password })
  expect(end, end.err).toMatchObject({ code: 0 })
}

describe('a login', () => {
  test('is used for its own service only, and not if a key is given', async () => {
    await using other = await TestApi.start()
    await logIn()
    expect((await auth('whoami')).out).toContain(`${email} (operator) at ${api.url}`)
    expect((await auth(`whoami --url ${other.url}`)).err).toContain('[unauthorized]')
    const withKey = environment({ REACTOR_CONNECT_API_KEY: api.key })
    expect((await auth('whoami', { environment: withKey })).out).toContain('test (admin) at')
  })

  longTest(
    'is the last one if there are several, and each is found by the URL of its service',
    async () => {
      await using other = await TestApi.start()
      await other.service.users.create({ email, role: 'viewer', password })
      await logIn()
      await logIn(other.url)
      expect((await auth('whoami')).out).toContain(`(viewer) at ${other.url}`)
      expect((await auth(`whoami --url ${api.url}`)).out).toContain('(operator)')
      expect((await auth(`logout --url ${other.url}`)).out).toContain(other.url)
      expect((await auth('whoami')).out).toContain(`(operator) at ${api.url}`)
    },
  )

  longTest('is kept as JSON for programs too', async () => {
    const line = `login ${email} --password-stdin --url ${api.url} --json`
    const { out, err } = await auth(line, { stdin: password })
    expect(err).toBe('')
    expect(JSON.parse(out)).toMatchObject({ url: api.url, name: email, kind: 'operator' })
    expect(out).not.toContain('token')
  })

  test('that failed leaves the one before', async () => {
    await logIn()
    const before = await readFile(loginFile(environment()), 'utf8')
    const wrong = await auth(`login ${email} --password-stdin`, { stdin: 'wrong' })
    expect(wrong).toMatchObject({ code: 1, out: '' })
    expect(await readFile(loginFile(environment()), 'utf8')).toBe(before)
  })

  test('with an API key is one too, of any kind', async () => {
    const { key } = await api.service.apiKeys.create({ name: 'eyes', kind: 'viewer' })
    const line = `login --url ${api.url}`
    expect(await auth(line, { stdin: `${key}\n` })).toMatchObject({ code: 0, err: '' })
    expect((await auth('whoami')).out).toContain('eyes (viewer)')
    expect(await auth(line, { stdin: 'wrong' })).toMatchObject({ code: 1 })
    expect((await auth('whoami')).out).toContain('eyes (viewer)')
  })
})

describe('logging out', () => {
  test('ends the login at its service; with --local it only forgets it', async () => {
    const whoami = async (token: string): Promise<number> => {
      const headers = { authorization: `Bearer ${token}` }
      return (await api.asked('GET /auth/whoami', { headers })).status
    }
    const token = async (): Promise<string> =>
      (await readLogins(loginFile(environment())))[0]?.key ?? ''
    await logIn()
    const kept = await token()
    expect(await auth('logout --local')).toMatchObject({ code: 0, err: '' })
    expect(await whoami(kept)).toBe(200)
    await logIn()
    expect(await auth('logout')).toMatchObject({ code: 0, err: '' })
    expect(await whoami(kept)).toBe(401)
    expect((await auth('logout')).out).toBe('no login was stored\n')
  })

  test('forgets a login also where its service is away, and says that it holds on', async () => {
    const url = `http://127.0.0.1:${String(await closedPort())}`
    const expiresAt = new Date(Date.now() + 60_000).toISOString()
    const file = loginFile(environment())
    await keepLogin(file, { url, key: 'a.b.c', user: { email, expiresAt } })
    const { code, err } = await auth('logout')
    expect(code).toBe(0)
    expect(err).toMatch(/^warning: the login of ada@example\.com at \S+ could not be ended/)
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  longTest('removes a file that is broken', async () => {
    await logIn()
    const file = loginFile(environment())
    await writeFile(file, '{')
    expect((await auth('whoami')).err).toContain('reactor auth logout')
    expect(await auth('logout')).toMatchObject({ code: 0, err: '' })
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  longTest('says how the next command authenticates, if no longer by the login', async () => {
    await writeLocalService(home, { url: api.url, apiKey: api.key })
    await logIn()
    const { out } = await auth('logout')
    expect(out.split('\n')[1]).toBe(
      `the next command uses ${api.url} with the admin key of this machine; \`reactor auth login EMAIL\` logs in again`,
    )
    expect((await auth('whoami')).out).toContain('test (admin) at')
    expect(JSON.parse((await auth('logout --json')).out)).toMatchObject({
      removed: false,
      next: { url: api.url, with: 'machine_key' },
    })
    const withKey = environment({ REACTOR_CONNECT_API_KEY: api.key })
    expect((await auth('logout', { environment: withKey })).out).toContain(
      'with the key in REACTOR_CONNECT_API_KEY',
    )
  })

  longTest('from one of several services says that the login for another is used', async () => {
    await using other = await TestApi.start()
    await other.service.users.create({ email, role: 'viewer', password })
    await logIn(other.url)
    await logIn()
    const { out } = await auth(`logout --url ${api.url}`)
    expect(out).toContain(
      `the next command uses ${other.url} with the login that is stored for it\n`,
    )
  })

  test('does not revoke API keys', async () => {
    await auth(`login --url ${api.url}`, { stdin: api.key })
    expect(await auth('logout')).toMatchObject({ code: 0, err: '' })
    expect((await api.call('GET /auth/whoami')).status).toBe(200)
  })
})

describe('an Identity service', () => {
  const ask = async (url: string): Promise<unknown> =>
    askIdentity(url, { email, password, audience: 'a' }, neverAborted())

  test('is sent no password without encryption', async () => {
    expect(isEncrypted('https://id.example.com')).toBe(true)
    expect(isEncrypted('http://127.0.0.1:1')).toBe(true)
    for (const url of [
      'http://id.example.com/auth/login',
      'http://127.0.0.1.example.com/auth/login',
      'http://localhost.example.com/',
      'ftp://127.0.0.1/auth/login',
      'https://user:kit-secret@id.example.com/auth/login',
      '/auth/login',
    ]) {
      const refused = await ask(url).catch((error: unknown) => error)
      expect(refused, url).toMatchObject({ code: 'usage' })
    }
  })

  test('that refuses, throttles, redirects or answers something else is said so', async () => {
    await using identity = await IdentityService.start()
    const url = `${identity.issuer}/auth/login`
    await expect(ask(url)).rejects.toMatchObject({ code: 'login_refused' })
    const answers = [
      [429, { 'retry-after': '7' }, '', { code: 'login_throttled', details: { seconds: 7 } }],
      [307, { location: '/elsewhere' }, '', { code: 'service_answer_invalid' }],
      [500, {}, '', { code: 'service_answer_invalid' }],
      [200, {}, '<html>', { code: 'service_answer_invalid' }],
      [200, {}, '{"token":"t"}', { code: 'service_answer_invalid' }],
      [200, {}, '{"token":"t\\n","expires_at":"x"}', { code: 'service_answer_invalid' }],
    ] as const
    for (const [status, headers, text, error] of answers) {
      identity.loginAnswers.push({ status, headers, text })
      await expect(ask(url), text).rejects.toMatchObject(error)
    }
    expect(identity.logins).toHaveLength(1)
  })
})
