import { component, list, optionalComponent, parametersOf } from '../../definition.ts'
import { durationAt } from '../../datetime/iso-duration.ts'
import { get } from '../../value/dict.ts'
import { PythonError, valueError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { str } from '../../value/text.ts'
import { usesAction } from '../retrievers/retriever-rules.ts'
import { compileGlob, find, type Glob } from '../transformations/dpath.ts'
import { compileRequestOption } from '../requesters/request-option.ts'
import { injectedToken } from './api-key-authenticator.ts'
import { bearer } from './bearer-authenticator.ts'
import { Mutex } from '../../../lib/async/slots.ts'
import { nonEmptyText } from './non-empty-text.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { Authenticator, Decoder, Requester } from '../../contracts.ts'
import type { PlainDict, Value } from '../../value/value.ts'
import type { TokenSource } from './token-source.ts'

/** SessionTokenAuthenticator: a login request returns the token for the others. */
export function sessionTokenAuthenticator(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): Authenticator {
  const token = sessionToken(definition, builder, context)
  const use = component(definition, 'request_authentication')
  if (get(use, 'type') === 'Bearer') return bearer(token)
  const option = compileRequestOption(component(use, 'inject_into'), builder)
  return injectedToken(option, formatted(definition, use, { builder, token }))
}

function formatted(
  definition: PlainDict,
  use: PlainDict,
  { builder, token }: { readonly builder: Builder; readonly token: TokenSource },
): TokenSource {
  const { config, templates } = builder
  const template = templates.string(nonEmptyText(use, 'api_token') ?? '{{ session_token }}', {
    parameters: parametersOf(definition),
  })
  return async () => str(template({ config, session_token: await token() }))
}

function sessionToken(definition: PlainDict, builder: Builder, context: BuildContext): TokenSource {
  const login = component(definition, 'login_requester')
  checkActions(login, context.streamName)
  const decoder = builder.build(
    'decoder',
    optionalComponent(definition, 'decoder') ?? { type: 'JsonDecoder' },
    context,
  )
  const requester = builder.build('requester', login, {
    streamName: `${context.streamName}_login_requester`,
    decoder,
  })
  const path = compileGlob(list(definition, 'session_token_path'))
  const logIn = async () => {
    const response = await requestLogin(requester, decoder)
    builder.environment.loginResponded?.(response)
    const token = tokenIn(response, path)
    // The requests may hold it in another form.
    builder.environment.secretFound?.(str(token))
    return token
  }
  const duration = nonEmptyText(definition, 'expiration_duration')
  // Without an expiry nothing is cached: each use of the token is a login, as in the reference.
  if (duration === undefined) return logIn
  return keptToken(logIn, { lifetimeMicros: microsOf(duration, context.streamName), builder })
}

function keptToken(
  logIn: TokenSource,
  { lifetimeMicros, builder }: { readonly lifetimeMicros: number; readonly builder: Builder },
): TokenSource {
  const { environment } = builder
  const loggingIn = new Mutex()
  let token: Value = null
  let expiresAt = -Infinity
  const hasExpired = () => expiresAt < environment.nowMicros()
  return async () => {
    if (hasExpired())
      await loggingIn.run(async () => {
        if (!hasExpired()) return
        token = await logIn()
        expiresAt = environment.nowMicros() + lifetimeMicros
      })
    return token
  }
}

async function requestLogin(requester: Requester, decoder: Decoder): Promise<Value> {
  const response = await requester.send({
    scope: { slice: StreamSlice.empty, nextPageToken: null },
    staysAtOrigin: true,
  })
  if (response === null)
    throw new PythonError(
      'RuntimeError',
      'Failed to get session token, response got ignored by requester',
    )
  for await (const [first] of decoder.decode(response)) if (first !== undefined) return first
  throw new PythonError(
    'RuntimeError',
    'Failed to get session token, the response to the login is empty',
  )
}

function tokenIn(response: Value, path: Glob): Value {
  const token = find(response, path)
  if (token === undefined)
    throw new PythonError(
      'KeyError',
      'The response to the login has nothing at session_token_path. Check the path in the manifest.',
    )
  if (token === null)
    throw new PythonError('RuntimeError', 'Failed to get session token, token is None')
  return token
}

function microsOf(duration: string, streamName: string): number {
  const parsed = durationAt(`expiration_duration of stream ${streamName}`, duration)
  if (parsed.isCalendar)
    throw valueError(
      "expiration_duration must have a fixed length (e.g. 'P14D'), not years or months",
    )
  return Number(parsed.micros)
}

function checkActions(login: PlainDict, streamName: string): void {
  for (const action of ['REDUCE_PAGE_SIZE', 'SPLIT_REQUEST_WINDOW'])
    if (usesAction(get(login, 'error_handler') ?? null, action))
      throw valueError(
        `The ${action} response action is not supported on the \`login_requester\` of the SessionTokenAuthenticator of ${streamName}. Use a different action on that error handler.`,
      )
}
