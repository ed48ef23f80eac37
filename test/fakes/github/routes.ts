import type { VendorAnswer, VendorRequest } from '../vendors/vendor-api.ts'
import type { Item, Repository } from './data.ts'

/** The ids and the time that all repositories share. */
export interface Clock {
  nextId(): number
  /** The time now, which passes only here. */
  tick(): string
}

/** A request to a part of a repository. */
export interface Call {
  readonly repository: Repository
  readonly request: VendorRequest
  /** Below the repository, decoded. */
  readonly path: readonly string[]
  readonly simulator: Clock
}

export interface RoutedCall extends Call {
  /** The values of the pattern's `:name` parts. */
  readonly values: Readonly<Record<string, string>>
  readonly body: Item
}

export type Routes = Readonly<Record<string, (call: RoutedCall) => VendorAnswer>>

/**
 * The response of the first route that fits, such as `PATCH issues/:number`; `*` stands for the rest of a
 * path.
 */
export function routed(routes: Routes, call: Call): VendorAnswer | undefined {
  const { request, path } = call
  for (const [route, respond] of Object.entries(routes)) {
    const [method = '', pattern = ''] = route.split(' ')
    const values = method === request.method ? matched(pattern.split('/'), path) : undefined
    if (values !== undefined) return respond({ ...call, values, body: parsed(request.body) })
  }
  return undefined
}

function matched(
  pattern: readonly string[],
  path: readonly string[],
): Record<string, string> | undefined {
  const isOpen = pattern.at(-1) === '*'
  if (isOpen ? path.length < pattern.length : path.length !== pattern.length) return undefined
  const values: Record<string, string> = {}
  for (const [index, part] of pattern.entries()) {
    if (part === '*') values.rest = path.slice(index).join('/')
    else if (part.startsWith(':')) values[part.slice(1)] = path[index] ?? ''
    else if (part !== path[index]) return undefined
  }
  return values
}

function parsed(body: string): Item {
  return body === '' ? {} : (JSON.parse(body) as Item)
}
