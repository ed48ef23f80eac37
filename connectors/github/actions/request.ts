import { z } from 'zod'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import {
  apiUrl,
  urlPath,
  type ActionRequest,
  type ActionResponse,
  type RequestFields,
} from '../../action.ts'

/**
 * A version that GitHub Enterprise Server knows too.
 * https://docs.github.com/rest/about-the-rest-api/api-versions
 */
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
  parts: {
    readonly query?: RequestFields
    readonly body?: JsonValue
    /** Default: the usual one. */
    readonly mediaType?: string
  } = {},
): ActionRequest {
  const { query, body, mediaType = 'application/vnd.github+json' } = parts
  return {
    method,
    url: `${apiUrl(config, 'https://api.github.com')}${path}`,
    headers: {
      Accept: mediaType,
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

/** One page of what GitHub responds with as a bare list: a response to which nothing could be added. */
export function pageOutput<Item extends z.ZodType>(
  item: Item,
): z.ZodObject<{ items: z.ZodArray<Item>; next_page: typeof nextPageField }, z.core.$loose> {
  return z.looseObject({ items: z.array(item), next_page: nextPageField })
}

/** The input of a list. */
interface PageInput {
  readonly page?: number
}

export function pageOf(response: ActionResponse, input: PageInput): JsonObject {
  return { items: response.body, next_page: nextPage(response, input) }
}

/** A page of a list that GitHub reads to its end only by cursors. */
export function cursorPageOf(response: ActionResponse, input: PageInput): JsonObject {
  const after = nextLink(response)?.searchParams.get('after') ?? null
  return { ...pageOf(response, input), next_after: after }
}

/** The output of a list that has a name in GitHub's response. */
export function withNextPage(response: ActionResponse, input: PageInput): JsonValue {
  const { body } = response
  return isJsonObject(body) ? { ...body, next_page: nextPage(response, input) } : body
}

export const nextPageField = z
  .int()
  .nullable()
  .meta({ description: 'The `page` to ask for next; null at the end.' })

/**
 * The number of the page after this one; null at the end. A next page whose number GitHub does not say must
 * not look like the end.
 */
function nextPage(response: ActionResponse, { page = 1 }: PageInput): number | null {
  const link = nextLink(response)
  if (link === undefined) return null
  const named = Number(link.searchParams.get('page') ?? Number.NaN)
  return Number.isInteger(named) ? named : page + 1
}

/** Where the next page is, by the header Link; undefined at the end. */
function nextLink({ headers }: ActionResponse): URL | undefined {
  const next = (headers.get('link') ?? '').split(',').find((link) => link.includes('rel="next"'))
  const [, url = ''] = /<([^>]+)>/.exec(next ?? '') ?? []
  return URL.parse(url) ?? undefined
}
