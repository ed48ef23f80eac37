/** A record as the API gives it. */
export type Item = Record<string, unknown>

export interface Account {
  readonly id: number
  readonly login: string
  readonly type: 'Organization' | 'User'
  readonly members: Item[]
  readonly teams: Item[]
  /** By the slug of the team. */
  readonly teamMembers: Map<string, Item[]>
}

/** The stored data of a repository. A test changes it as others would between reads. */
export interface Repository {
  readonly id: number
  readonly owner: Account
  name: string
  /** Names that it had: GitHub redirects from them. */
  readonly oldNames: string[]
  isPrivate: boolean
  hasIssues: boolean
  isEmpty: boolean
  /** GitHub refuses pages of comments, and of events, beyond this number. */
  maxComments: number
  /** The records of a list, by its path below the repository, such as `issues/comments`. */
  readonly lists: Map<string, Item[]>
  readonly files: Map<string, { readonly sha: string; readonly content: string }>
  /** Commits by branch. */
  readonly branches: Map<string, string>
  /** Issues that were transferred to another repository, by number. */
  readonly transferred: Map<number, string>
}

/** The records of a list, which a test may change. */
export function listOf(repository: Repository, path: string): Item[] {
  const known = repository.lists.get(path)
  if (known !== undefined) return known
  const made: Item[] = []
  repository.lists.set(path, made)
  return made
}

export function fullName({ owner, name }: Repository): string {
  return `${owner.login}/${name}`
}

export function shownRepository(repository: Repository): Item {
  const { id, name, owner, isPrivate, hasIssues } = repository
  return {
    id,
    name,
    full_name: fullName(repository),
    private: isPrivate,
    visibility: isPrivate ? 'private' : 'public',
    has_issues: hasIssues,
    default_branch: 'main',
    owner: shownAccount(owner),
    temp_clone_token: 'a-clone-credential',
  }
}

export function shownAccount({ id, login, type }: Account): Item {
  return { id, login, type }
}

export function userOf(login: string): Item {
  return { id: 1000 + login.length, login, type: 'User' }
}

/** A time that many seconds after the start of 2025. */
export function timeAt(seconds: number): string {
  return new Date(Date.UTC(2025, 0, 1) + seconds * 1000).toISOString().replace('.000Z', 'Z')
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
