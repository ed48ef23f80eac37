import { isJsonList, isJsonObject, type JsonValue } from '../../protocol/index.ts'
import type { ActionResponse } from '../action.ts'
import type { ActionDescriptor } from '../descriptor-schema.ts'
import type { Connector } from '../connector.ts'
import { httpConnector } from '../http/http-connector.ts'
import { headerNumber } from '../http/retry-time.ts'
import { failureKind, statusText, type VendorApi, type VendorFailure } from '../http/vendor-api.ts'
import { githubOAuth } from './oauth.ts'
import { githubWebhooks } from './webhooks.ts'

const api: VendorApi = {
  title: 'GitHub',
  // Another private key of the App reaches the same installation.
  account: ({ app_id: app = null, installation_id: installation = null, private_key: key }) => ({
    chosenBy: [app, installation],
    isNamed: typeof key === 'string' && key !== '' && installation !== null,
  }),
  failure,
  isTurnedAway,
  isMarked,
  resetMs: (headers) => {
    const seconds = headerNumber(headers, 'x-ratelimit-reset')
    const isUsedUp = headers.get('x-ratelimit-remaining') === '0'
    return isUsedUp && seconds !== undefined ? seconds * 1000 : undefined
  },
  limits: {
    of: (action) => ['secondary', primaryLimit(action)],
    hit: (action, { headers }) =>
      headers.get('x-ratelimit-remaining') === '0' ? primaryLimit(action) : 'secondary',
  },
  requestId: ({ headers }) => headers.get('x-github-request-id'),
}

/** Loads its manifest. */
export function githubConnector(): Connector {
  return httpConnector({
    type: 'github',
    docsUrl: 'docs/connectors/github.md',
    auth: [{ kind: 'api_key', field: 'access_token' }, githubOAuth],
    webhooks: githubWebhooks,
    // Names of repositories begin paths too, but each is `repos/` and a name without a scheme.
    addressFields: ['/api_url', '/web_url'],
    api,
    manifest: new URL('streams/manifest.yaml', import.meta.url),
    loadActions: async () => (await import('./actions/actions.ts')).githubActions,
    loadComponents: async () => {
      const { registerGithubComponents } = await import('./streams/components.ts')
      registerGithubComponents()
    },
  })
}

/** Searches have a limit of their own, of a minute. */
function primaryLimit({ name }: Pick<ActionDescriptor, 'name'>): string {
  return name === 'searchIssues' ? 'search' : 'core'
}

/** Limits come as 403 too. https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api */
function isTurnedAway({ status, headers }: Pick<ActionResponse, 'status' | 'headers'>): boolean {
  if (status !== 403) return status === 429
  return headers.has('retry-after') || headers.get('x-ratelimit-remaining') === '0'
}

/**
 * `x-github-request-id` and others. A response without a body may come by way of a proxy that takes headers
 * out.
 */
function isMarked({ status, headers, body }: ActionResponse): boolean {
  if (status === 204 && body === null) return true
  return [...headers.keys()].some((name) => name.startsWith('x-github-'))
}

function failure(response: ActionResponse): VendorFailure | undefined {
  const { status, body } = response
  const kind = failureKind(status)
  if (kind === undefined) return undefined
  const error = isJsonObject(body) ? body : {}
  const said = typeof error.message === 'string' ? error.message : statusText(response)
  const isLimited = isTurnedAway(response) || (status === 403 && /rate limit/i.test(said))
  const [code] = problemsIn(error.errors).flatMap(({ code: name }) => name ?? [])
  return {
    kind: isLimited ? 'rate limit' : kind,
    message: [said, ...details(response, error.errors)].join(' '),
    ...(code !== undefined && { code }),
  }
}

function details({ status, headers }: ActionResponse, errors: JsonValue | undefined): string[] {
  const problems = problemsIn(errors).map(({ text }) => text)
  const permissions = headers.get('x-accepted-github-permissions')
  const sso = headers.get('x-github-sso')
  return [
    ...(problems.length > 0 ? [`(${problems.join('; ')})`] : []),
    ...(status === 404 ? ['(it does not exist, or the credentials may not see it)'] : []),
    ...(status === 403 && permissions !== undefined ? [`(it needs ${permissions})`] : []),
    ...(status === 403 && sso !== undefined ? [`(single sign-on: ${sso})`] : []),
  ]
}

/** The parts of a 422: texts, or objects with a message, or with a field and a code. */
function problemsIn(
  errors: JsonValue | undefined,
): readonly { readonly text: string; readonly code?: string }[] {
  if (!isJsonList(errors)) return []
  return errors.flatMap((error) => {
    if (typeof error === 'string') return [{ text: error }]
    if (!isJsonObject(error)) return []
    const { message, field, code } = error
    const known = [field, code].filter((part) => typeof part === 'string').join(': ')
    const text = typeof message === 'string' ? message : known
    return [{ text, ...(typeof code === 'string' && { code }) }]
  })
}
