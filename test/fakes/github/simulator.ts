import { createHash, createVerify, generateKeyPairSync } from 'node:crypto'
import type { Vendor, VendorAnswer, VendorRequest } from '../vendors/vendor-api.ts'
import { invalid, notFound, refusal } from './answers.ts'
import {
  fullName,
  listOf,
  shownAccount,
  shownRepository,
  timeAt,
  type Account,
  type Item,
  type Repository,
} from './data.ts'
import { listed, paged } from './lists.ts'
import { written } from './writes.ts'

type Caller =
  | { readonly kind: 'user'; readonly login: string; readonly isReader: boolean }
  | { readonly kind: 'app' | 'installation' }

const versions = ['2022-11-28', '2026-03-10']

/**
 * A stateful GitHub: everything that is written can be read. It has the API, and the token endpoint of the
 * website.
 */
export class GithubSimulator {
  readonly accounts: Account[] = []
  readonly repositories: Repository[] = []
  /** Repositories that the credentials may not see, by full name. */
  readonly hidden = new Set<string>()
  /** Logins by access token. */
  readonly tokens = new Map([
    ['ghp_ada', 'ada'],
    ['github_pat_reader', 'ada'],
  ])
  readonly refreshTokens = new Set<string>()
  readonly appId = '4711'
  readonly installationId = '99'
  /** The calls that are left until the limit is reset, which is once a call was refused. */
  remaining = 5000
  /** Seconds since 1970. */
  resetAt = 1_893_456_000
  /** Called before each request. It makes the changes of others. */
  meanwhile: (request: VendorRequest) => void = () => undefined
  #keys: { readonly privateKey: string; readonly publicKey: string } | undefined
  readonly #installationTokens = new Set<string>()
  #lastId = 1
  #seconds = 0

  /** The private key of the App. It is generated on first use, because that takes a moment. */
  get privateKey(): string {
    return this.#keyPair.privateKey
  }

  get #keyPair() {
    this.#keys ??= generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    })
    return this.#keys
  }

  addAccount(login: string, type: Account['type'] = 'Organization'): Account {
    const account: Account = {
      id: this.nextId(),
      login,
      type,
      members: [],
      teams: [],
      teamMembers: new Map(),
    }
    this.accounts.push(account)
    return account
  }

  addRepository(name: string): Repository {
    const [login = '', repositoryName = ''] = name.split('/')
    const owner = this.#account(login) ?? this.addAccount(login)
    const repository: Repository = {
      id: this.nextId(),
      owner,
      name: repositoryName,
      oldNames: [],
      isPrivate: false,
      hasIssues: true,
      isEmpty: false,
      maxComments: 30_000,
      lists: new Map(),
      files: new Map(),
      branches: new Map([['main', 'a'.repeat(40)]]),
      transferred: new Map(),
    }
    this.repositories.push(repository)
    return repository
  }

  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  /** The time now, which passes only here. */
  tick(seconds = 1): string {
    this.#seconds += seconds
    return timeAt(this.#seconds)
  }

  readonly handle: Vendor = (request) => {
    this.meanwhile(request)
    if (request.path === '/login/oauth/access_token') return this.#token(request)
    const path = decodePath(request.path.replace(/^\/api\/v3/, ''))
    const answer = withEtag(request, this.#limited(request) ?? this.#responded(request, path))
    // A response that says that nothing changed is free.
    if (answer.status === 304) this.remaining += 1
    return { ...answer, headers: { ...this.#limits(), ...answer.headers } }
  }

  #responded(request: VendorRequest, path: readonly string[]): VendorAnswer {
    const { headers, method } = request
    if (headers['user-agent'] === undefined)
      return refusal(403, 'Request forbidden by administrative rules. Please make sure …')
    const version = headers['x-github-api-version']
    if (version !== undefined && !versions.includes(String(version)))
      return refusal(400, 'The API version is not supported.')
    const caller = this.#caller(String(headers.authorization))
    if (caller === undefined) return refusal(401, 'Bad credentials')
    if (path[0] === 'app') return this.#installationToken(caller, path)
    if (method !== 'GET' && caller.kind === 'user' && caller.isReader)
      return {
        ...refusal(403, 'Resource not accessible by personal access token'),
        headers: { 'x-accepted-github-permissions': 'issues=write' },
      }
    return this.#resource(request, path, caller)
  }

  #resource(request: VendorRequest, path: readonly string[], caller: Caller): VendorAnswer {
    switch (path[0] ?? '') {
      case 'repos':
      case 'repositories':
        return this.#ofRepository(request, path)
      case 'installation':
        return caller.kind === 'installation'
          ? paged(this.#visible().map(shownRepository), request, { wrapper: 'repositories' })
          : notFound
      case 'user':
        return paged(this.#ownRepositories(caller).map(shownRepository), request)
      case 'users':
        return this.#ofUser(request, path)
      case 'orgs':
        return this.#ofOrganization(request, path)
      case 'search':
        return this.#search(request)
      default:
        return notFound
    }
  }

  #ofRepository(request: VendorRequest, path: readonly string[]): VendorAnswer {
    const byId = path[0] === 'repositories'
    const name = byId ? '' : `${path[1] ?? ''}/${path[2] ?? ''}`
    const found = this.#visible().find(
      (repository) =>
        (byId && String(repository.id) === path[1]) || isName(fullName(repository), name),
    )
    const rest = path.slice(byId ? 2 : 3)
    if (found === undefined) return this.#renamed(request, name, rest)
    if (request.method !== 'GET')
      return written({ repository: found, request, path: rest, simulator: this })
    if (rest.length === 0) return { body: shownRepository(found) }
    return listed(found, rest.join('/'), request) ?? this.#single(found, request, rest)
  }

  /** One record of a list, by its number or id, a file, or a ref. */
  #single(repository: Repository, request: VendorRequest, path: readonly string[]): VendorAnswer {
    return written({ repository, request, path, simulator: this })
  }

  #renamed(request: VendorRequest, name: string, rest: readonly string[]): VendorAnswer {
    const [login = '', old = ''] = name.split('/')
    const moved = this.#visible().find(
      ({ owner, oldNames }) => isName(owner.login, login) && oldNames.includes(old),
    )
    if (moved === undefined) return notFound
    const query = request.query.size > 0 ? `?${request.query.toString()}` : ''
    const location = `/${['repositories', String(moved.id), ...rest].join('/')}${query}`
    const status = request.method === 'GET' ? 301 : 307
    return { ...refusal(status, 'Moved Permanently'), headers: { location } }
  }

  #ofOrganization(request: VendorRequest, path: readonly string[]): VendorAnswer {
    const [, login = '', part, slug = '', members] = path
    const account = this.#account(login)
    if (account?.type !== 'Organization') return notFound
    if (part === undefined) return { body: shownAccount(account) }
    if (part === 'repos')
      return paged(this.#repositoriesOf(login, 'all').map(shownRepository), request)
    if (part === 'members') return paged(account.members, request)
    if (part === 'teams' && members === 'members')
      return paged(account.teamMembers.get(slug) ?? [], request)
    return part === 'teams' ? paged(account.teams, request) : notFound
  }

  #search(request: VendorRequest): VendorAnswer {
    const name = /repo:(\S+)/.exec(request.query.get('q') ?? '')?.[1] ?? ''
    const repository = this.#visible().find((each) => isName(fullName(each), name))
    if (repository === undefined) return invalid('Search', 'q', 'invalid')
    return paged(listOf(repository, 'issues'), request, { wrapper: 'items' })
  }

  #ofUser(request: VendorRequest, [, login = '', part]: readonly string[]): VendorAnswer {
    if (part === 'repos')
      return paged(this.#repositoriesOf(login, 'public').map(shownRepository), request)
    const account = this.#account(login)
    return account === undefined ? notFound : { body: shownAccount(account) }
  }

  #account(login: string): Account | undefined {
    return this.accounts.find((account) => isName(account.login, login))
  }

  #visible(): readonly Repository[] {
    return this.repositories.filter((repository) => !this.hidden.has(fullName(repository)))
  }

  #repositoriesOf(login: string, visibility: 'all' | 'public'): readonly Repository[] {
    return this.#visible().filter(
      ({ owner, isPrivate }) => isName(owner.login, login) && (visibility === 'all' || !isPrivate),
    )
  }

  #ownRepositories(caller: Caller): readonly Repository[] {
    if (caller.kind !== 'user') return []
    return this.#visible().filter(({ owner, isPrivate }) => isPrivate && owner.type === 'User')
  }

  #caller(authorization: string): Caller | undefined {
    const token = authorization.replace(/^(?:bearer|token) /i, '')
    const login = this.tokens.get(token)
    if (login !== undefined) return { kind: 'user', login, isReader: token.endsWith('reader') }
    if (this.#installationTokens.has(token)) return { kind: 'installation' }
    return this.#isApp(token) ? { kind: 'app' } : undefined
  }

  #isApp(token: string): boolean {
    const [header = '', payload = '', signature = ''] = token.split('.')
    if (signature === '') return false
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Item
    const lifetime = Number(claims.exp) - Number(claims.iat)
    const isSigned = createVerify('RSA-SHA256')
      .update(`${header}.${payload}`)
      .verify(this.#keyPair.publicKey, signature, 'base64url')
    return isSigned && String(claims.iss) === this.appId && lifetime <= 600
  }

  #installationToken(caller: Caller, path: readonly string[]): VendorAnswer {
    if (caller.kind !== 'app') return refusal(401, 'A JSON web token could not be decoded')
    if (path[2] !== this.installationId) return notFound
    const token = `ghs_${String(this.nextId())}_installation`
    this.#installationTokens.add(token)
    return { status: 201, body: { token, expires_at: this.tick(3600) } }
  }

  /** All installation tokens end. */
  expireInstallationTokens(): void {
    this.#installationTokens.clear()
  }

  /** https://docs.github.com/apps: errors come with status 200. */
  #token({ body }: VendorRequest): VendorAnswer {
    const form = new URLSearchParams(body)
    const refresh = form.get('refresh_token')
    if (refresh !== null && !this.refreshTokens.delete(refresh))
      return { body: { error: 'bad_refresh_token', error_description: 'It is unknown.' } }
    if (refresh === null && form.get('code') !== 'the-code')
      return { body: { error: 'bad_verification_code', error_description: 'It is wrong.' } }
    const access = `ghu_${String(this.nextId())}_ada_user`
    const next = `ghr_${String(this.nextId())}_refresh`
    this.tokens.set(access, 'ada')
    this.refreshTokens.add(next)
    return {
      body: {
        access_token: access,
        refresh_token: next,
        expires_in: 28_800,
        refresh_token_expires_in: 15_897_600,
        token_type: 'bearer',
        scope: '',
      },
    }
  }

  #limited(request: VendorRequest): VendorAnswer | undefined {
    if (this.remaining > 0) {
      this.remaining -= 1
      return undefined
    }
    const headers = this.#limits()
    this.remaining = 5000
    const message = 'API rate limit exceeded for user ID 1.'
    return { ...refusal(403, message, { url: request.path }), headers }
  }

  #limits(): Readonly<Record<string, string>> {
    return {
      'x-ratelimit-limit': '5000',
      'x-ratelimit-remaining': String(this.remaining),
      'x-ratelimit-reset': String(this.resetAt),
      'x-ratelimit-resource': 'core',
      'x-github-request-id': 'C0FF:EE',
    }
  }
}

function withEtag(request: VendorRequest, answer: VendorAnswer): VendorAnswer {
  if (request.method !== 'GET' || (answer.status ?? 200) !== 200) return answer
  const hash = createHash('sha256').update(JSON.stringify(answer.body)).digest('hex')
  const etag = `W/"${hash}"`
  const headers = { ...answer.headers, etag }
  return request.headers['if-none-match'] === etag
    ? { status: 304, headers, body: '' }
    : { ...answer, headers }
}

function isName(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase()
}

function decodePath(path: string): readonly string[] {
  return path.split('/').filter(Boolean).map(decodeURIComponent)
}
