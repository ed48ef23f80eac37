import type { BuildContext, Builder } from '../../component.ts'
import type {
  Authenticator,
  Decoder,
  Requester,
  RequesterCall,
  RequestOptions,
  RequestScope,
} from '../../contracts.ts'
import {
  field,
  flag,
  optionalComponent,
  optionalNumber,
  optionalText,
  parametersOf,
} from '../../definition.ts'
import { withoutRepeated } from '../../http/encode-url.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import { prepareRequest, type RequestParts } from '../../http/prepare-request.ts'
import { joinUrl } from '../../http/split-url.ts'
import { entries, isDict, isEmpty } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import type { Dict, PlainDict } from '../../value/value.ts'
import { isPathDecoder } from '../decoders/json-decoder.ts'
import { reportingSecrets } from './telling-secrets.ts'
import { combineDicts, combineMappings } from './combine-mappings.ts'
import { HttpClient } from './http-client.ts'
import { interpolatedRequestOptionsProvider } from './interpolated-request-options-provider.ts'
import { templateScope } from './template-scope.ts'

const METHODS_WITH_BODY = new Set(['GET', 'POST', 'PUT', 'PATCH'])

/** `HttpRequester`: puts requests together and sends them. */
export function httpRequester(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): Requester {
  const authenticator = buildAuthenticator(definition, builder, context)
  const client = new HttpClient({
    environment: builder.environment,
    http: builder.http,
    authenticator,
    errorHandler: builder.build(
      'errorHandler',
      field(definition, 'error_handler') ?? { type: 'DefaultErrorHandler' },
      context,
    ),
    sendOptions: {
      cacheName: flag(definition, 'use_cache', false) ? context.streamName : undefined,
      aheadBytes: () => aheadBytesOf(context.decoder),
    },
  })
  const urlOf = compileUrl(definition, builder)
  const own = interpolatedRequestOptionsProvider(definition, builder, context)
  const method = optionalText(definition, 'http_method') ?? 'GET'
  const timeouts = timeoutsOf(definition)
  return {
    send: async (call: RequesterCall): Promise<HttpResponse | null> => {
      const parts = await partsOf({ call, own, authenticator, url: urlOf(call.scope, call.path) })
      const request = {
        ...prepareRequest({ ...withoutBody(method, parts), ...timeouts }),
        ...(call.staysAtOrigin === true && { staysAtOrigin: true }),
      }
      return client.send(request, call.stream ?? context.streamName)
    },
  }
}

/** A body that is given as it arrives is not read ahead. */
function aheadBytesOf(decoder: Decoder | undefined): number {
  if (decoder?.streams === true) return 0
  return decoder !== undefined && isPathDecoder(decoder)
    ? decoder.aheadBytes
    : Number.POSITIVE_INFINITY
}

function buildAuthenticator(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): Authenticator {
  const authenticator = optionalComponent(definition, 'authenticator')
  if (authenticator === undefined)
    return builder.build('authenticator', { type: 'NoAuth' }, context)
  const urlBase = optionalText(definition, 'url') ?? optionalText(definition, 'url_base')
  const built = builder.build('authenticator', authenticator, {
    ...context,
    ...(urlBase !== undefined && { urlBase }),
  })
  return reportingSecrets(built, builder.environment)
}

/** The URL of a request without its parameters: `url_base` and `path`, or `url` (and a paginator's path). */
function compileUrl(
  definition: PlainDict,
  { config, templates }: Builder,
): (scope: RequestScope, path: string | null | undefined) => string {
  const parameters = parametersOf(definition)
  const [url, urlBase, ownPath] = ['url', 'url_base', 'path'].map((name) =>
    templates.string(optionalText(definition, name) ?? '', { parameters }),
  )
  const join = joinedOnce()
  return (scope, path) => {
    const variables = templateScope(config, scope)
    const evaluate = (template: typeof url): string => str(template?.(variables) ?? '')
    const whole = evaluate(url)
    const base = evaluate(urlBase)
    const tail = path ?? ''
    const last = tail === '' ? evaluate(ownPath).replace(/^\/+/, '') : tail
    if (base !== '') return join(base, last)
    return last === '' ? whole : join(whole, last)
  }
}

/** All pages of a slice have the same URL without its parameters. */
function joinedOnce(): typeof joinPath {
  let known: { readonly base: string; readonly path: string; readonly url: string } | undefined
  return (base, path) => {
    if (known?.base !== base || known.path !== path)
      known = { base, path, url: joinPath(base, path) }
    return known.url
  }
}

function joinPath(base: string, path: string): string {
  if (path === '') return base
  return joinUrl(base.endsWith('/') ? base : `${base}/`, path)
}

type CompleteParts = Omit<RequestParts, 'method'> & {
  readonly bodyData: Dict | string
  readonly bodyJson: Dict
}

/** The values that the requester, its authenticator and the caller add, for each part of a request. */
async function partsOf(from: {
  readonly call: RequesterCall
  readonly own: RequestOptions
  readonly authenticator: Authenticator
  readonly url: string
}): Promise<CompleteParts> {
  const { call, own, url } = from
  const auth = await from.authenticator.options()
  const flat = { nested: false }
  const params = combineDicts([own.params(call.scope), auth.params, call.params], {
    ...flat,
    part: 'params',
  })
  for (const [name, value] of entries(params)) {
    if (isDict(value)) {
      throw valueError(
        `Invalid value for \`${str(name)}\` parameter. The values of request params cannot be an object.`,
      )
    }
  }
  return {
    url,
    headers: combineDicts([own.headers(call.scope), auth.headers, call.headers], {
      ...flat,
      part: 'headers',
    }),
    params: withoutRepeated(params, url),
    bodyData: combineMappings([own.bodyData(call.scope), auth.bodyData, call.bodyData], flat),
    bodyJson: combineDicts([own.bodyJson(call.scope), auth.bodyJson, call.bodyJson], {
      nested: true,
      part: 'body json',
    }),
  }
}

function withoutBody(method: string, parts: CompleteParts): RequestParts {
  const { bodyData, bodyJson, ...rest } = parts
  if (!METHODS_WITH_BODY.has(method)) return { ...rest, method }
  if (!isEmpty(bodyJson)) {
    if (typeof bodyData === 'string' ? bodyData !== '' : !isEmpty(bodyData)) {
      throw valueError(
        "At the same time only one of the 'request_body_data' and 'request_body_json' functions can return data",
      )
    }
    return { ...rest, method, bodyJson }
  }
  return { ...rest, method, bodyData }
}

function timeoutsOf(
  definition: PlainDict,
): Pick<RequestParts, 'connectTimeoutMs' | 'readTimeoutMs'> {
  const connect = optionalNumber(definition, 'connect_timeout_in_seconds')
  const read = optionalNumber(definition, 'read_timeout_in_seconds')
  return {
    ...(connect !== undefined && { connectTimeoutMs: connect * 1000 }),
    ...(read !== undefined && { readTimeoutMs: read * 1000 }),
  }
}
