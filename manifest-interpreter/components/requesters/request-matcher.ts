import type { Builder } from '../../component.ts'
import type { HttpRequest } from '../../contracts.ts'
import { field, optionalDict, optionalText } from '../../definition.ts'
import { parseQuery } from '../../http/encode-url.ts'
import { header } from '../../http/prepare-request.ts'
import { splitUrl } from '../../http/split-url.ts'
import { compileRegex } from '../../jinja/python-regex.ts'
import { entries } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import type { PlainDict } from '../../value/value.ts'
import { toNumber } from '../../value/to-number.ts'

/** `HttpRequestRegexMatcher`: picks the requests that a rate or a quota counts. */
export type RequestMatcher = (request: HttpRequest) => boolean

export function compileRequestMatcher(definition: PlainDict): RequestMatcher {
  const method = optionalText(definition, 'method')?.toUpperCase()
  const base = optionalText(definition, 'url_base')?.replace(/\/+$/, '')
  const pattern = optionalText(definition, 'url_path_pattern') ?? ''
  const path = pattern === '' ? undefined : compileRegex(pattern)
  const params = textPairs(definition, 'params')
  const headers = textPairs(definition, 'headers')

  const matchesUrl = (url: string): boolean => {
    const parts = splitUrl(url)
    if (base !== undefined && base !== '' && `${parts.scheme}://${parts.authority}` !== base)
      return false
    if (path !== undefined && !path.test(parts.path.replace(/\/+$/, ''))) return false
    if (params.length === 0) return true
    const query = new Map(parseQuery(parts.query))
    return params.every(([name, value]) => query.get(name) === value)
  }
  return (request) =>
    (method === undefined || method === '' || request.method === method) &&
    matchesUrl(request.url) &&
    headers.every(([name, value]) => header(request.headers, name) === value)
}

function textPairs(definition: PlainDict, name: string): (readonly [string, string])[] {
  return entries(optionalDict(definition, name) ?? {}).map(([key, value]) => [str(key), str(value)])
}

/** The number of calls for which a request counts if the matcher fits. */
export function compileWeight(
  definition: PlainDict,
  { config, templates }: Pick<Builder, 'config' | 'templates'>,
): number {
  const value = field(definition, 'weight')
  if (value === undefined || value === null) return 1
  const weight = toNumber(typeof value === 'string' ? templates.string(value)({ config }) : value)
  if (weight === null || weight < 1)
    throw valueError('The weight of a request matcher must be a number of at least 1.')
  return Math.trunc(weight)
}
