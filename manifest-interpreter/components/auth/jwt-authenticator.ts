import { Buffer } from 'node:buffer'
import { ConnectError } from '../../../protocol/errors/connect-error.ts'
import {
  flag,
  optionalComponent,
  optionalDict,
  optionalText,
  parametersOf,
  text,
} from '../../definition.ts'
import { copy, emptyDict, get, has, keys, merged, remove, set } from '../../value/dict.ts'
import { dumpJson } from '../../value/json-dumps.ts'
import { parseJson } from '../../value/json.ts'
import { typeError, valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { truth } from '../../value/truth.ts'
import { PyObject, type Dict, type PlainDict, type Value } from '../../value/value.ts'
import { compileRequestOption } from '../requesters/request-option.ts'
import { headerOption, injectedToken } from './api-key-authenticator.ts'
import { signJwt } from './jwt-signature.ts'
import type { Builder } from '../../component.ts'
import type { Authenticator } from '../../contracts.ts'
import type { TokenSource } from './token-source.ts'

/** JwtAuthenticator: signs a token for each request. */
export function jwtAuthenticator(definition: PlainDict, builder: Builder): Authenticator {
  const option = optionalComponent(definition, 'request_option')
  return injectedToken(
    option === undefined
      ? headerOption('Authorization', builder, emptyDict())
      : compileRequestOption(option, builder),
    jwtSource(definition, builder),
  )
}

/** The signed token behind its prefix, made again each time. */
export function jwtSource(definition: PlainDict, builder: Builder): TokenSource {
  const prefix = optionalTemplate(optionalText(definition, 'header_prefix'), builder, definition)
  const parts = jwtParts(definition, builder)
  return () => {
    const prefixed = prefix?.()
    const token = signed(parts, definition)
    return Promise.resolve(truth(prefixed) ? `${str(prefixed ?? null)} ${token}` : token)
  }
}

interface JwtParts {
  readonly header: () => Dict
  readonly payload: () => Dict
  readonly key: () => { readonly key: string; readonly passphrase?: string }
}

function jwtParts(definition: PlainDict, builder: Builder): JwtParts {
  const algorithm = text(definition, 'algorithm')
  return {
    header: headerSource(definition, builder, algorithm),
    payload: payloadSource(definition, builder),
    key: keySource(definition, builder),
  }
}

function signed(parts: JwtParts, definition: PlainDict): string {
  try {
    const payload = parts.payload()
    const key = parts.key()
    const header = parts.header()
    const issuer = get(payload, 'iss')
    if (issuer !== undefined && typeof issuer !== 'string')
      throw typeError('Issuer (iss) must be a string.')
    return signJwt({
      ...key,
      algorithm: text(definition, 'algorithm'),
      header: dumpJson(header, { separators: [',', ':'], sortKeys: true }),
      payload: dumpJson(payload, { separators: [',', ':'] }),
    })
  } catch (error) {
    // Errors of the cryptographic library say what kind of key they expect, never what the key is.
    const reason = error instanceof Error ? error.message : 'unknown error'
    throw new ConnectError('source_config_invalid', {
      details: { connector: 'the JwtAuthenticator', problems: `it cannot sign a token: ${reason}` },
      cause: error,
    })
  }
}

function headerSource(definition: PlainDict, builder: Builder, algorithm: string): () => Dict {
  const additional = mapping(definition, 'additional_jwt_headers', builder)
  const headers = optionalComponent(definition, 'jwt_headers')
  const named: PlainDict = { typ: 'JWT', ...headers }
  const kid = optionalTemplate(optionalText(named, 'kid'), builder, definition)
  const typ = optionalTemplate(optionalText(named, 'typ'), builder, definition)
  const cty = optionalTemplate(optionalText(named, 'cty'), builder, definition)
  return () => {
    const header = merged(
      { typ: 'JWT' },
      reserved(additional(), ['kid', 'alg', 'typ', 'cty'], 'headers'),
    )
    if (kid !== undefined) setKeyId(header, kid())
    if (typ !== undefined) set(header, 'typ', typ())
    if (cty !== undefined) set(header, 'cty', cty())
    set(header, 'alg', algorithm)
    if (!truth(get(header, 'typ'))) remove(header, 'typ')
    return header
  }
}

function setKeyId(header: Dict, kid: Value): void {
  if (typeof kid !== 'string') throw typeError('Key ID header parameter must be a string')
  set(header, 'kid', kid)
}

const DEFAULT_SECONDS = 1200

function payloadSource(definition: PlainDict, builder: Builder): () => Dict {
  const additional = mapping(definition, 'additional_jwt_payload', builder)
  const claims = optionalComponent(definition, 'jwt_payload') ?? {}
  const named = (['iss', 'sub', 'aud'] as const).map(
    (name) => [name, optionalTemplate(optionalText(claims, name), builder, definition)] as const,
  )
  const duration = has(definition, 'token_duration')
    ? get(definition, 'token_duration')
    : DEFAULT_SECONDS
  return () => {
    const now = Math.floor(builder.environment.nowMicros() / 1e6)
    const payload = reserved(additional(), ['iss', 'sub', 'aud', 'iat', 'exp', 'nbf'], 'payload')
    for (const [name, claim] of named) if (claim !== undefined) set(payload, name, claim())
    set(payload, 'iat', now)
    set(payload, 'exp', typeof duration === 'number' ? now + duration : now)
    set(payload, 'nbf', now)
    return payload
  }
}

function reserved(additional: Dict, names: readonly string[], part: string): Dict {
  if (keys(additional).some((key) => typeof key === 'string' && names.includes(key)))
    throw valueError(
      `${names.map((name) => `'${name}'`).join(', ')} are reserved and should not be set as part of 'additional_jwt_${part}'`,
    )
  return copy(additional)
}

function keySource(definition: PlainDict, builder: Builder): JwtParts['key'] {
  const secret = template(text(definition, 'secret_key'), builder, definition)
  const passphrase = optionalTemplate(optionalText(definition, 'passphrase'), builder, definition)
  const inBase64 = flag(definition, 'base64_encode_secret_key', false)
  return () => {
    const key = secret()
    if (typeof key !== 'string') throw typeError('Expecting a PEM-formatted key.')
    const phrase = passphrase?.()
    if (truth(phrase)) return { key, passphrase: str(phrase ?? null) }
    return { key: inBase64 ? Buffer.from(key).toString('base64') : key }
  }
}

/** A function that templates of this component may call: Python's `json.loads`. */
const jsonLoads = new PyObject({
  type: 'function',
  call: ([source]) => {
    if (typeof source !== 'string')
      throw typeError('the JSON object must be str, bytes or bytearray')
    return parseJson(source)
  },
})

/** A template of the component; absent if it is missing or empty. */
function optionalTemplate(
  source: string | undefined,
  builder: Builder,
  owner: PlainDict,
): (() => Value) | undefined {
  return source === undefined || source === '' ? undefined : template(source, builder, owner)
}

function template(source: string, { config, templates }: Builder, owner: PlainDict): () => Value {
  const compiled = templates.string(source, { parameters: parametersOf(owner) })
  return () => compiled({ config, json_loads: jsonLoads })
}

function mapping(definition: PlainDict, name: string, builder: Builder): () => Dict {
  const { config, templates } = builder
  const compiled = templates.mapping(optionalDict(definition, name) ?? {}, {
    parameters: parametersOf(definition),
  })
  return () => compiled({ config, json_loads: jsonLoads })
}
