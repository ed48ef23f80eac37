import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { ActionRequest } from '../../../../connectors/action.ts'
import { toHttpRequest } from '../../../../connectors/http/action-request.ts'
import { parseForm } from '../../../fakes/stripe/form.ts'
import type { JsonObject } from '../../../../protocol/index.ts'
import type { Operation } from './operation.ts'
import { violations } from './violations.ts'

const sliceSchema = z.object({
  version: z.string(),
  operations: z.record(z.string(), z.object({ path: z.string(), body: z.json() })),
  lists: z.record(z.string(), z.array(z.string())),
  events: z.array(z.string()),
})

/** `slice.ts` made it. */
export const slice = sliceSchema.parse(
  JSON.parse(readFileSync(new URL('slice.json', import.meta.url), 'utf8')),
)

/** The operation that a request is, by Stripe's document. */
export function operationFor({ method, url }: ActionRequest): Operation | undefined {
  const found = Object.entries(slice.operations).find(([key, { path }]) => {
    const pattern = path.replaceAll(/\{[^}]+\}/g, '[^/]+')
    return (
      key === `${method} ${path}` && new RegExp(`^https://api\\.stripe\\.com${pattern}$`).test(url)
    )
  })
  return found?.[1]
}

/** What of a request, as it goes on the wire, does not fit Stripe's document. */
export function requestViolations(request: ActionRequest): readonly string[] {
  const operation = operationFor(request)
  if (operation === undefined) return [`${request.method} ${request.url} does not exist`]
  const { url, body } = toHttpRequest(request)
  const text = typeof body === 'string' ? body : (url.split('?')[1] ?? '')
  return violations(operation.body, parseForm(text))
}

/** What a request of a list asks for that Stripe's document does not have. An object has no parameters. */
export function listViolations({
  path,
  query,
}: {
  readonly path: string
  readonly query: JsonObject
}): readonly string[] {
  const found = Object.entries(slice.lists).find(([template]) =>
    new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(`/v1/${path}`),
  )
  const names: readonly string[] = found?.[1] ?? []
  const unknown = Object.keys(query).filter((name) => !names.includes(name))
  return unknown.map((name) => `${path} has no ${name}`)
}
