import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { registerGithubComponents } from '../../../connectors/github/streams/components.ts'
import { listOf, timeAt, userOf, type Item, type Repository } from '../../fakes/github/data.ts'
import { GithubSimulator } from '../../fakes/github/simulator.ts'
import { VendorApi, type Vendor } from '../../fakes/vendors/vendor-api.ts'
import { problemsOf } from './openapi.ts'
import { LoopbackSource } from '../manifests/loopback-source.ts'

const manifest = readFileSync(
  new URL('../../../connectors/github/streams/manifest.yaml', import.meta.url),
  'utf8',
)

export interface GithubLoopback extends AsyncDisposable {
  readonly github: GithubSimulator
  readonly api: VendorApi
  source(config: object): LoopbackSource
}

/**
 * A GitHub on loopback, and sources that read from it. In the end all requests must have been as GitHub
 * describes them.
 */
export async function startGithub(): Promise<GithubLoopback> {
  registerGithubComponents()
  const github = new GithubSimulator()
  const problems = new Set<string>()
  const api = await VendorApi.start(checking(github.handle, problems))
  return {
    github,
    api,
    source: (config) => new LoopbackSource(manifest, { access_token: 'ghp_ada', ...config }, api),
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      expect([...problems]).toEqual([])
    },
  }
}

/** The same vendor, which adds what GitHub's description has against its requests. */
export function checking(vendor: Vendor, problems: Set<string>): Vendor {
  return (request) => {
    const path = request.path.replace(/^\/api\/v3/, '')
    // GitHub's own redirects and its website stand in no description.
    if (!/^\/(?:repositories|login)\//.test(path))
      for (const problem of problemsOf({ ...request, path })) problems.add(problem)
    return vendor(request)
  }
}

/** Adds records with an id, a number and times, a second apart each. */
export function fill(
  repository: Repository,
  list: string,
  count: number,
  more: (index: number) => Item = () => ({}),
): void {
  const items = listOf(repository, list)
  for (let index = 0; index < count; index += 1) {
    const number = items.length + 1
    const time = timeAt(number)
    items.push({
      id: repository.id * 1_000_000 + number,
      number,
      state: 'open',
      user: userOf('ada'),
      created_at: time,
      updated_at: time,
      ...more(number),
    })
  }
}

export function commit(sha: string, date: string): Item {
  return { sha, commit: { message: sha, committer: { name: 'ada', date } } }
}

/** The requests so far, without the listing of repositories. */
export function asked(api: VendorApi, pattern: RegExp): readonly string[] {
  return api.requests
    .map(({ path, query }) => (query.size > 0 ? `${path}?${query.toString()}` : path))
    .filter((url) => pattern.test(url))
}
