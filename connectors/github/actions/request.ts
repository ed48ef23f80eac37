import type { JsonObject, JsonValue } from '../../../protocol/index.ts'
import {
  apiUrl,
  urlPath,
  type ActionRequest,
  type ActionResponse,
  type RequestFields,
} from '../../action.ts'

/** One that GitHub Enterprise Server knows too. https://docs.github.com/rest/about-the-rest-api/api-versions */
const version = '2022-11-28'

export interface Repository {
  readonly owner: string
  readonly repo: string
}

/** A request of GitHub's REST API. */
export function githubRequest(
  config: JsonObject,
  method: ActionRequest['method'],
  path: string,
  parts: { readonly query?: RequestFields; readonly body?: JsonValue } = {},
): ActionRequest {
  const { query, body } = parts
  return {
    method,
    url: `${apiUrl(config, 'https://api.github.com')}${path}`,
    headers: {
      Accept: 'application/vnd.github+json',
      'X-GitHub-Api-Version': version,
      // GitHub refuses requests without one.
      'User-Agent': 'reactor-connect',
    },
    ...(query !== undefined && { query }),
    ...(body !== undefined && { body: { kind: 'json', value: body } }),
  }
}

export function ofRepository({ owner, repo }: Repository, rest = ''): string {
  return `${urlPath`/repos/${owner}/${repo}`}${rest}`
}

/** Several segments of a path, such as those of a file or a branch. */
export function segments(path: string): string {
  return path
    .split('/')
    .map((segment) => urlPath`${segment}`)
    .join('/')
}

/** The number of the page after this one, by the header Link; null at the end. */
export function nextPage({ headers }: ActionResponse): number | null {
  const next = (headers.get('link') ?? '').split(',').find((link) => link.includes('rel="next"'))
  const [, url = ''] = /<([^>]+)>/.exec(next ?? '') ?? []
  const page = Number(URL.parse(url)?.searchParams.get('page') ?? Number.NaN)
  return Number.isInteger(page) ? page : null
}
