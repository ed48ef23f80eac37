import type { ClientOptions, CreateOptions } from './options.ts'
import { isObject, refused, unreachable, type ConnectError } from './errors.ts'
import { parseExact, stringifyExact } from './exact-numbers.ts'

// ---------------------------------------------------------------------------------------------------
// Requests
// ---------------------------------------------------------------------------------------------------

/** Whether a request can be repeated safely: always, because of an Idempotency-Key, or never. */
type Repeat = 'always' | 'with key' | 'never'

interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined
  readonly body?: unknown
  /** Only this version is changed. */
  readonly ifVersion?: number | undefined
  readonly repeat: Repeat
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The name of the action that is invoked. */
  readonly action?: string | undefined
  readonly call?: CreateOptions | undefined
}

/** The type of the response is trusted. */
type Ask = <Answer>(request: Request) => Promise<Answer>

/** The caller has to make longer pauses itself. */
const longestPauseMs = 60_000

/** Every item of a list, page after page. */
async function* allOf<Item>(ask: Ask, request: Request): AsyncGenerator<Item, void> {
  let cursor: string | undefined
  do {
    const query = { ...request.query, cursor }
    const page = await ask<Page<Item>>({ ...request, query })
    yield* page.items
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
}

interface Page<Item> {
  readonly items: readonly Item[]
  readonly next_cursor: string | null
}

function asker(options: ClientOptions): Ask {
  const { retries = 3 } = options
  return async <Answer>(request: Request): Promise<Answer> => {
    const { repeat, call } = request
    const signal = call?.signal ?? null
    const own = repeat === 'with key' ? crypto.randomUUID() : undefined
    const key = call?.idempotencyKey ?? own
    for (let attempt = 0; ; attempt += 1) {
      const { answer, failure, retryAfter } = await exchange(options, request, { key, signal })
      if (failure === undefined) return answer as Answer
      const pauseMs = pauseAfter(failure, retryAfter, attempt)
      const isOver = attempt >= retries || pauseMs > longestPauseMs
      if (isOver || !mayRepeat(failure, repeat)) {
        failure.idempotencyKey = key
        throw failure
      }
      await pause(pauseMs, signal)
    }
  }
}

function pauseAfter(
  { code }: ConnectError,
  retryAfter: string | null | undefined,
  attempt: number,
): number {
  const ownMs = 250 * 2 ** attempt * (1 + Math.random())
  const askedMs = retryAfterMs(retryAfter) ?? ownMs
  // The first request may end long before its process would be taken for dead.
  return code === 'idempotency_key_in_use' ? Math.min(askedMs, ownMs) : askedMs
}

/** A request that was refused because of its rate was not executed: it can always be repeated. */
function mayRepeat({ status, code }: ConnectError, repeat: Repeat): boolean {
  if (status === 429) return true
  const isPassing = status === 0 || (status >= 502 && status <= 504 && !unclearCodes.has(code))
  return repeat !== 'never' && (isPassing || code === 'idempotency_key_in_use')
}

/** It may be done: look before it is repeated. */
const unclearCodes = new Set<string>(['action_outcome_unknown', 'action_response_unreadable'])

interface Exchange {
  readonly answer?: unknown
  readonly failure?: ConnectError
  readonly retryAfter?: string | null
}

async function exchange(
  { baseUrl, apiKey, fetch: send = fetch }: ClientOptions,
  { method, path, query = {}, body, ifVersion, headers: more, repeat, action }: Request,
  { key, signal }: { readonly key: string | undefined; readonly signal: AbortSignal | null },
): Promise<Exchange> {
  const lost = { url: baseUrl, repeat, action }
  const url = `${baseUrl.replace(/\/+$/, '')}/connect/v1${path}${queryText(query)}`
  const headers = {
    accept: 'application/json',
    authorization: `Bearer ${apiKey}`,
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(key !== undefined && { 'idempotency-key': key }),
    ...more,
    ...(ifVersion !== undefined && { 'if-match': `"${String(ifVersion)}"` }),
  }
  const content = body === undefined ? null : stringifyExact(body)
  try {
    // A redirect would carry the key elsewhere.
    const redirect = 'error'
    const response = await send(url, { method, headers, body: content, redirect, signal })
    const text = await response.text()
    const { status, headers: answered } = response
    if (status === 204) return { answer: undefined }
    const json = parseExact(text)
    if (response.ok && isObject(json)) return { answer: json }
    const unusable = { status, contentType: answered.get('content-type'), text, json }
    const failure = refused(unusable, lost)
    return { failure, retryAfter: answered.get('retry-after') }
  } catch (error) {
    signal?.throwIfAborted()
    return { failure: unreachable(lost, error) }
  }
}

function queryText(query: NonNullable<Request['query']>): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) search.append(name, String(value))
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

/** Seconds, or a date. */
function retryAfterMs(header: string | null | undefined): number | undefined {
  if (header == null || header === '') return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

/** Rejects with the signal's reason as soon as that is aborted. */
async function pause(ms: number, signal?: AbortSignal | null): Promise<void> {
  signal?.throwIfAborted()
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
  signal?.throwIfAborted()
}

export { allOf, asker, pause }
export type { Ask, Repeat }
