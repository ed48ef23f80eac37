import type {
  Connection,
  ConnectionStatus,
  Discovered,
  ErrorCode,
  FinishedSandbox,
  Promotion,
  Run,
} from './documents.ts'
import { actionRepeats, instance, streamIds, type Actions, type Streams } from './instance.ts'

// ---------------------------------------------------------------------------------------------------
// The client
// ---------------------------------------------------------------------------------------------------

/** Which service is asked, and as whom. */
export interface ClientOptions {
  /** `http://127.0.0.1:8007`, without `/connect/v1`. */
  readonly baseUrl: string
  readonly apiKey: string
  /** Asks instead of the global fetch: a proxy, a test. */
  readonly fetch?: typeof fetch | undefined
  /** How often a request is repeated that can be, after a network failure or an answer that says "later"; default 3. */
  readonly retries?: number | undefined
}

export interface CallOptions {
  /** Aborted, it ends the call with its reason. */
  readonly signal?: AbortSignal | undefined
}

export interface CreateOptions extends CallOptions {
  /** The same request under the same key is done once in 24 hours; default: a new key for each call. */
  readonly idempotencyKey?: string | undefined
}

export type StreamName = keyof Streams

/** A stream, and how it is read and loaded: what is left out is as the stream suggests it. */
export type StreamChoice = {
  [Name in StreamName]: {
    readonly stream: Name
    readonly syncMode?: 'full_refresh' | 'incremental'
    readonly destinationSyncMode?: 'append' | 'overwrite' | 'append_dedup' | 'overwrite_dedup'
    readonly cursorField?: Extract<keyof Streams[Name], string>
    readonly primaryKey?: readonly Extract<keyof Streams[Name], string>[]
  }
}[StreamName]

export interface NewConnection {
  readonly name: string
  /** Left out: every stream. */
  readonly streams?: readonly (StreamName | StreamChoice)[]
  /** `data:DATASET` or `postgres:NAME`. */
  readonly destination: string
  readonly schedule?: Connection['schedule']
  readonly options?: Connection['options']
  /** True: it may run at once. Left out: not before a sandbox of it is promoted, or it is activated. */
  readonly activate?: boolean
}

export interface SandboxOptions extends CallOptions {
  /** Records read of each stream at most; default 100. */
  readonly limitRows?: number
  /** Only these: what it finds cannot be promoted then. */
  readonly streams?: readonly StreamName[]
}

export interface WaitOptions extends CallOptions {
  /** Milliseconds between two looks; default 1000. */
  readonly everyMs?: number
  /** Called with the run as it is at each look. */
  readonly onLook?: (run: Run) => void
}

/** Every method throws a ConnectError where the service refuses or cannot be reached. */
export interface Client {
  /** Whether the configuration and the credentials of the instance work. */
  check(options?: CallOptions): Promise<ConnectionStatus>
  /** The streams as the service knows them, at most an hour old; `refresh` asks the source. */
  discover(options?: CallOptions & { readonly refresh?: boolean }): Promise<Discovered>
  // #region actions
  readonly actions: Actions
  // #endregion
  readonly connections: {
    /** Binds streams of this instance to a destination. */
    create(connection: NewConnection, options?: CreateOptions): Promise<Connection>
    get(name: string, options?: CallOptions): Promise<Connection>
    /** Says what a run would change, and changes nothing. Takes as long as it reads: up to two minutes. */
    sandbox(name: string, options?: SandboxOptions): Promise<FinishedSandbox>
    /** Lets it run, and starts the first run: with the `promote_token` of a sandbox, as long as nothing has moved since. */
    promote(name: string, token: string, options?: CallOptions): Promise<Promotion>
    /** Lets it run, without a sandbox. */
    activate(name: string, options?: CallOptions): Promise<Connection>
  }
  readonly runs: {
    /** Queues a run of the connection. */
    start(connection: string, options?: CreateOptions): Promise<Run>
    get(id: string, options?: CallOptions): Promise<Run>
    /** The run when it has ended: complete, partial, failed or cancelled. */
    wait(id: string, options?: WaitOptions): Promise<Run>
    /** Drains to the last checkpoint, and ends. */
    cancel(id: string, options?: CallOptions): Promise<Run>
  }
}

export function createClient(options: ClientOptions): Client {
  const ask = asker(options)
  const own = `/instances/${instance.name}`
  const getRun = (id: string, call?: CallOptions): Promise<Run> =>
    ask({ method: 'GET', path: `/runs/${encodeURIComponent(id)}`, repeat: 'always', call })
  return {
    check: (call) => ask({ method: 'POST', path: `${own}/check`, repeat: 'always', call }),
    discover: ({ refresh = false, ...call } = {}) =>
      ask({ method: 'POST', path: `${own}/discover`, body: { refresh }, repeat: 'always', call }),
    // #region actions
    actions: actionsOf(ask, own),
    // #endregion
    connections: connectionsOf(ask),
    runs: {
      start: (connection, call) => {
        const path = `/connections/${encodeURIComponent(connection)}/runs`
        return ask({ method: 'POST', path, repeat: 'with key', call })
      },
      get: getRun,
      wait: async (id, { everyMs = 1000, onLook, signal } = {}) => {
        for (;;) {
          const run = await getRun(id, { signal })
          onLook?.(run)
          if (run.status !== 'queued' && run.status !== 'running') return run
          await pause(everyMs, signal)
        }
      },
      cancel: (id, call) => {
        const path = `/runs/${encodeURIComponent(id)}/cancel`
        return ask({ method: 'POST', path, repeat: 'never', call })
      },
    },
  }
}

function connectionsOf(ask: Ask): Client['connections'] {
  const at = (name: string): string => `/connections/${encodeURIComponent(name)}`
  return {
    create: ({ streams, ...connection }, call) => {
      const body = {
        ...connection,
        from: instance.name,
        ...(streams !== undefined && { streams: streams.map(streamBinding) }),
      }
      return ask({ method: 'POST', path: '/connections', body, repeat: 'with key', call })
    },
    get: (name, call) => ask({ method: 'GET', path: at(name), repeat: 'always', call }),
    sandbox: (name, { limitRows, streams, ...call } = {}) => {
      const body = { limit_rows: limitRows, streams }
      return ask({ method: 'POST', path: `${at(name)}/sandbox`, body, repeat: 'never', call })
    },
    promote: (name, token, call) => {
      const body = { token }
      return ask({ method: 'POST', path: `${at(name)}/promote`, body, repeat: 'never', call })
    },
    activate: (name, call) =>
      ask({ method: 'POST', path: `${at(name)}/activate`, repeat: 'always', call }),
  }
}

interface AnyStreamChoice {
  readonly stream: string
  readonly syncMode?: string
  readonly destinationSyncMode?: string
  readonly cursorField?: string
  readonly primaryKey?: readonly string[]
}

function streamBinding(choice: string | AnyStreamChoice): object {
  const { stream, ...how }: AnyStreamChoice =
    typeof choice === 'string' ? { stream: choice } : choice
  return {
    ...(streamIds.get(stream) ?? { name: stream }),
    sync_mode: how.syncMode,
    destination_sync_mode: how.destinationSyncMode,
    cursor_field: how.cursorField,
    primary_key: how.primaryKey,
  }
}

// #region actions
// ---------------------------------------------------------------------------------------------------
// Actions
// ---------------------------------------------------------------------------------------------------

/** An action. With `dryRun: true` nothing is done, and the answer says what would have been. */
export interface Action<Input, Output, DryRun> {
  (input: Input, options?: CreateOptions & { readonly dryRun?: false }): Promise<Output>
  (input: Input, options: CreateOptions & { readonly dryRun: true }): Promise<DryRun>
}

/** An action that the vendor cannot try out. */
export type ActionWithoutDryRun<Input, Output> = (
  input: Input,
  options?: CreateOptions,
) => Promise<Output>

/** The vendor's test mode did it. */
export interface NativeDryRun<Output> {
  readonly dry_run: 'native'
  readonly output: Output
}

/** The exact request that would be sent, without its secrets. */
export interface SynthesizedDryRun {
  readonly dry_run: 'synthesized'
  readonly request: {
    readonly method: string
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: unknown
  }
}

function actionsOf(ask: Ask, own: string): Actions {
  const invoke =
    (name: string, repeat: Repeat) =>
    async (
      input: unknown,
      { dryRun = false, ...call }: CreateOptions & { readonly dryRun?: boolean } = {},
    ): Promise<unknown> => {
      const answer = await ask<{ readonly output: unknown }>({
        method: 'POST',
        path: `${own}/actions/${encodeURIComponent(name)}/invoke`,
        body: { input, dry_run: dryRun },
        repeat: dryRun ? 'always' : repeat,
        call,
      })
      return dryRun ? answer : answer.output
    }
  const entries = Object.entries<Repeat>(actionRepeats)
  return Object.fromEntries(
    entries.map(([name, repeat]) => [name, invoke(name, repeat)]),
  ) as unknown as Actions
}

// #endregion
// ---------------------------------------------------------------------------------------------------
// Errors
// ---------------------------------------------------------------------------------------------------

/** What the service refused, or why it cannot be asked. Decide by `code`; show `message` and `suggestedFix` to people. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError'
  /** A newer service may have more codes than this file knows of. */
  readonly code: ErrorCode | (string & Record<never, never>)
  /** The status of HTTP; 0 where no answer came. */
  readonly status: number
  readonly suggestedFix: string
  /** config_error: you must act. transient_error: later may work. system_error: a mistake of the service or the connector. */
  readonly failureType: string
  readonly docsUrl: string | undefined
  readonly details: Readonly<Record<string, unknown>>
  /** By which the service's log has it. */
  readonly requestId: string | undefined

  constructor(status: number, body: ErrorBody) {
    super(body.message)
    this.code = body.code
    this.status = status
    this.suggestedFix = body.suggested_fix
    this.failureType = body.failure_type
    this.docsUrl = body.docs_url
    this.details = body.details ?? {}
    this.requestId = body.request_id
  }
}

interface ErrorBody {
  readonly code: ConnectError['code']
  readonly message: string
  readonly suggested_fix: string
  readonly failure_type: string
  readonly docs_url?: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly request_id?: string
}

function unreachable(url: string, cause: unknown): ConnectError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ConnectError(0, {
    code: 'service_unreachable',
    message: `The service at ${url} cannot be reached: ${reason}`,
    suggested_fix: 'Check `baseUrl`, and that the service runs and can be reached from here.',
    failure_type: 'transient_error',
  })
}

function refused(status: number, answer: unknown): ConnectError {
  if (typeof answer === 'object' && answer !== null && 'error' in answer)
    return new ConnectError(status, answer.error as ErrorBody)
  return new ConnectError(status, {
    code: 'service_answer_invalid',
    message: `What answers with status ${String(status)} is not Reactor Connect`,
    suggested_fix: 'Check `baseUrl`, and proxies on the way.',
    failure_type: 'config_error',
  })
}

// ---------------------------------------------------------------------------------------------------
// Requests
// ---------------------------------------------------------------------------------------------------

/** Whether doing it twice does no harm: always, because of an Idempotency-Key, or never. */
type Repeat = 'always' | 'with key' | 'never'

interface Request {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: unknown
  readonly repeat: Repeat
  readonly call?: CreateOptions | undefined
}

/** The answer is taken for what the service says that it is. */
type Ask = <Answer>(request: Request) => Promise<Answer>

/** Longer pauses are the caller's to make. */
const longestPauseMs = 60_000

function asker(options: ClientOptions): Ask {
  const { retries = 3 } = options
  return async <Answer>(request: Request): Promise<Answer> => {
    const { repeat, call } = request
    const signal = call?.signal ?? null
    const key = repeat === 'with key' ? (call?.idempotencyKey ?? crypto.randomUUID()) : undefined
    for (let attempt = 0; ; attempt += 1) {
      const { answer, failure, retryAfter } = await exchange(options, request, { key, signal })
      if (failure === undefined) return answer as Answer
      const pauseMs = retryAfterMs(retryAfter) ?? 250 * 2 ** attempt * (1 + Math.random())
      const isOver = attempt >= retries || pauseMs > longestPauseMs
      if (isOver || !mayRepeat(failure, repeat)) throw failure
      await pause(pauseMs, signal)
    }
  }
}

/** Refused for its rate, a request was not begun: that one can always be repeated. */
function mayRepeat({ status, code }: ConnectError, repeat: Repeat): boolean {
  if (status === 429) return true
  const isPassing = status === 0 || (status >= 502 && status <= 504)
  return repeat !== 'never' && (isPassing || code === 'idempotency_key_in_use')
}

interface Exchange {
  readonly answer?: unknown
  readonly failure?: ConnectError
  readonly retryAfter?: string | null
}

async function exchange(
  { baseUrl, apiKey, fetch: send = fetch }: ClientOptions,
  { method, path, body }: Request,
  { key, signal }: { readonly key: string | undefined; readonly signal: AbortSignal | null },
): Promise<Exchange> {
  const url = `${baseUrl.replace(/\/+$/, '')}/connect/v1${path}`
  const headers = {
    accept: 'application/json',
    authorization: `Bearer ${apiKey}`,
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(key !== undefined && { 'idempotency-key': key }),
  }
  const content = body === undefined ? null : stringifyExact(body)
  try {
    // A redirect would carry the key elsewhere.
    const redirect = 'error'
    const response = await send(url, { method, headers, body: content, redirect, signal })
    const answer = parseExact(await response.text())
    if (response.ok && answer !== undefined) return { answer }
    const retryAfter = response.headers.get('retry-after')
    return { failure: refused(response.status, answer), retryAfter }
  } catch (error) {
    signal?.throwIfAborted()
    return { failure: unreachable(baseUrl, error) }
  }
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

// ---------------------------------------------------------------------------------------------------
// Numbers with all their digits
// ---------------------------------------------------------------------------------------------------

/** What ECMAScript has, and TypeScript does not declare yet: Node 22, Chrome 114, Firefox 135, Safari 18.4. */
const { rawJSON } = JSON as unknown as { readonly rawJSON?: (text: string) => unknown }

/** An integer beyond 2^53 becomes a bigint, a decimal that a double would round an ExactDecimal. Undefined: it is no JSON. */
function parseExact(text: string): unknown {
  const exact = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' ? exactNumber(value, context?.source) : value
  try {
    return /[0-9.]{16}|[0-9]e[+-]?[0-9]{3}/i.test(text) ? JSON.parse(text, exact) : JSON.parse(text)
  } catch {
    return undefined
  }
}

function exactNumber(value: number, source = String(value)): unknown {
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) ? value : BigInt(source)
  const [mantissa = ''] = source.toLowerCase().split('e')
  const digits = mantissa.replace(/[-.]/g, '').replace(/^0+|0+$/g, '')
  const isExact = digits.length <= 15 && Number.isFinite(value)
  return isExact || source === String(value) ? value : (rawJSON?.(source) ?? value)
}

function stringifyExact(body: unknown): string {
  return JSON.stringify(body, (_key, value: unknown) =>
    typeof value === 'bigint' ? (rawJSON?.(String(value)) ?? String(value)) : value,
  )
}
