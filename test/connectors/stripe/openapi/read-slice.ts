import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { ActionRequest } from '../../../../connectors/action.ts'
import { toHttpRequest } from '../../../../connectors/http/action-request.ts'
import { parseForm } from '../../../fakes/stripe/form.ts'
import { isJsonList, type JsonObject, type JsonValue } from '../../../../protocol/index.ts'
import { expansionProblem } from './expandable.ts'
import type { Operation } from './operation.ts'
import { violations } from './violations.ts'

const sliceSchema = z.object({
  version: z.string(),
  operations: z.record(z.string(), z.object({ path: z.string(), body: z.json() })),
  lists: z.record(z.string(), z.array(z.string())),
  gets: z.record(z.string(), z.object({ parameters: z.array(z.string()), schema: z.string() })),
  expandable: z.record(z.string(), z.record(z.string(), z.string())),
  events: z.array(z.string()),
})

/** `slice.ts` made it. */
export const slice = sliceSchema.parse(
  JSON.parse(readFileSync(new URL('slice.json', import.meta.url), 'utf8')),
)

/** The operation that a request is, by Stripe's document. */
export function operationFor({ method, url }: ActionRequest): Operation | undefined {
  // A path without names of its own goes first: `/v1/customers/search` is no customer.
  const operations = Object.entries(slice.operations).toSorted(
    ([, each], [, other]) => placeholders(each.path) - placeholders(other.path),
  )
  const found = operations.find(([key, { path }]) => {
    const pattern = path.replaceAll(/\{[^}]+\}/g, '[^/]+')
    return (
      key === `${method} ${path}` && new RegExp(`^https://api\\.stripe\\.com${pattern}$`).test(url)
    )
  })
  return found?.[1]
}

function placeholders(path: string): number {
  return path.split('{').length
}

/** Returns the parts of a request, as it is sent, that do not fit Stripe's document. */
export function requestViolations(request: ActionRequest): readonly string[] {
  const operation = operationFor(request)
  if (operation === undefined) return [`${request.method} ${request.url} does not exist`]
  const { url, body } = toHttpRequest(request)
  const text = typeof body === 'string' ? body : (url.split('?')[1] ?? '')
  return violations(operation.body, parseForm(text))
}

/** Returns the parts of a request for a list or an object that Stripe's document does not have. */
export function listViolations({
  path,
  query,
}: {
  readonly path: string
  readonly query: JsonObject
}): readonly string[] {
  const get = entryFor(slice.gets, path)
  const names = get?.parameters ?? entryFor(slice.lists, path) ?? []
  const unknown = Object.keys(query).filter((name) => !names.includes(name))
  return [
    ...unknown.map((name) => `${path} has no ${name}`),
    ...expansionViolations(get?.schema ?? '', query.expand).map((found) => `${path}: ${found}`),
  ]
}

function expansionViolations(schema: string, expand: JsonValue | undefined): readonly string[] {
  if (expand === undefined) return []
  if (!isJsonList(expand)) return ['expand is no list']
  return expand.flatMap((name) =>
    typeof name === 'string'
      ? (expansionProblem(schema, name, (known) => slice.expandable[known]) ?? [])
      : ['a name in expand is no text'],
  )
}

function entryFor<Entry>(
  entries: Readonly<Record<string, Entry>>,
  path: string,
): Entry | undefined {
  const found = Object.entries(entries).find(([template]) =>
    new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(`/v1/${path}`),
  )
  return found?.[1]
}
