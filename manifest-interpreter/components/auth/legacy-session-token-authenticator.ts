import { optionalText, parametersOf, text } from '../../definition.ts'
import { encodeUrl } from '../../http/encode-url.ts'
import { emptyDict, get, isDict } from '../../value/dict.ts'
import { dumpJson } from '../../value/json-dumps.ts'
import { PythonError, valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { truth } from '../../value/truth.ts'
import { headerAuthenticator } from './authentication.ts'
import { SharedPerEnvironment } from './shared-per-environment.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { Authenticator, Environment } from '../../contracts.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/** Tokens of a run by what they were made from: streams with the same credentials log in once. */
const sessions = new SharedPerEnvironment(() => new Map<string, Session>())

interface Session {
  readonly token: Promise<string>
  readonly expiresAt: number
}

const DAY_MICROS = 86_400_000_000

/**
 * LegacySessionTokenAuthenticator: a session token of the configuration if it is valid, else one from a
 * login.
 */
export function legacySessionTokenAuthenticator(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): Authenticator {
  const settings = settingsOf(definition, builder, context)
  const { environment } = builder
  return headerAuthenticator(async () => {
    const name = str(settings.header())
    return name === '' ? null : [name, await currentToken(settings, environment)]
  })
}

function settingsOf(definition: PlainDict, builder: Builder, context: BuildContext) {
  const { config, templates } = builder
  const compile = (source: string): (() => Value) => {
    const compiled = templates.string(source, { parameters: parametersOf(definition) })
    return () => compiled({ config })
  }
  const optional = (name: string) => compile(optionalText(definition, name) ?? '')
  const baseUrl = compile(context.urlBase ?? '')
  const loginUrl = compile(text(definition, 'login_url'))
  const validationUrl = compile(text(definition, 'validate_session_url'))
  return {
    header: compile(text(definition, 'header')),
    sessionToken: optional('session_token'),
    username: optional('username'),
    password: optional('password'),
    responseKey: optional('session_token_response_key'),
    loginUrl: () => `${str(baseUrl())}${str(loginUrl())}`,
    validationUrl: () => `${str(baseUrl())}${str(validationUrl())}`,
  }
}
type Settings = ReturnType<typeof settingsOf>

async function currentToken(settings: Settings, environment: Environment): Promise<string> {
  const token = settings.sessionToken()
  if (truth(token) && (await isValid(token, settings, environment))) return str(token)
  if (!truth(settings.password()) || !truth(settings.username()))
    throw new PythonError(
      'RuntimeError',
      'Invalid credentials: session token is not valid or provide username and password',
    )
  return sessionFor(settings, environment)
}

async function isValid(
  token: Value,
  settings: Settings,
  environment: Environment,
): Promise<boolean> {
  if (typeof token !== 'string') throw valueError('The session_token must be text.')
  const response = await environment.transport.send(
    {
      method: 'GET',
      url: encodeUrl(settings.validationUrl(), emptyDict()),
      headers: new Map([[str(settings.header()), token]]),
      body: null,
      staysAtOrigin: true,
    },
    environment.signal,
  )
  await response.discard()
  if (response.status === 401) return false
  if (!response.ok)
    throw new PythonError(
      'RuntimeError',
      `Error while validating session token: status ${response.status}`,
    )
  return true
}

/** Failed logins are not cached. */
async function sessionFor(settings: Settings, environment: Environment): Promise<string> {
  const known = sessions.stateOf(environment)
  const credentials = [
    settings.loginUrl(),
    str(settings.username()),
    str(settings.password()),
    str(settings.responseKey()),
  ]
  const key = JSON.stringify(credentials)
  const now = environment.nowMicros()
  const session = known.get(key)
  if (session !== undefined && session.expiresAt > now) return session.token
  const token = logIn(settings, environment)
  known.set(key, { token, expiresAt: now + DAY_MICROS })
  try {
    return await token
  } catch (error) {
    known.delete(key)
    throw error
  }
}

async function logIn(settings: Settings, environment: Environment): Promise<string> {
  const response = await environment.transport.send(
    {
      method: 'POST',
      url: encodeUrl(settings.loginUrl(), emptyDict()),
      headers: new Map([['Content-Type', 'application/json']]),
      body: dumpJson({ username: settings.username(), password: settings.password() }),
      staysAtOrigin: true,
    },
    environment.signal,
  )
  if (!response.ok) {
    await response.discard()
    throw new PythonError(
      'RuntimeError',
      `Failed to retrieve new session token, response code ${response.status}`,
    )
  }
  const body = await response.json()
  environment.loginResponded?.(body)
  return tokenIn(body, settings.responseKey())
}

function tokenIn(body: Value, key: Value): string {
  const token = isDict(body) ? get(body, key) : undefined
  if (token === undefined)
    throw new PythonError('KeyError', `The response to the login has no "${str(key)}".`)
  return str(token)
}
