import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject, JsonValue } from '../../../../protocol/index.ts'
import { joinConfig, splitConfig } from '../../../../service/platform/secrets/secret-fields.ts'

const secret = { type: 'string', airbyte_secret: true }
const spec: JsonObject = {
  type: 'object',
  required: ['host', 'password', 'credentials'],
  properties: {
    host: { type: 'string' },
    password: secret,
    credentials: {
      type: 'object',
      oneOf: [
        {
          required: ['auth_type', 'client_secret', 'refresh_token'],
          properties: {
            auth_type: { const: 'oauth' },
            client_id: { type: 'string' },
            client_secret: secret,
            refresh_token: { $ref: '#/definitions/token' },
          },
        },
        {
          required: ['auth_type', 'api/key'],
          properties: { auth_type: { enum: ['key'] }, 'api/key': secret },
        },
      ],
    },
    keys: { type: 'array', items: secret },
    accounts: {
      type: 'array',
      items: { type: 'object', properties: { name: { type: 'string' }, token: secret } },
    },
    headers: { type: 'object', additionalProperties: secret },
  },
  definitions: { token: { allOf: [{ type: 'string' }, { airbyte_secret: true }] } },
}

const config: JsonObject = {
  host: 'db.example.com',
  password: 'p-SECRET',
  credentials: {
    auth_type: 'oauth',
    client_id: 'me',
    client_secret: 's-SECRET',
    'api/key': 'k-SECRET',
  },
  keys: ['1-SECRET', '2-SECRET'],
  accounts: [{ name: 'a', token: 'a-SECRET' }, { name: 'b' }],
  headers: { 'x-key': 'h-SECRET' },
}

describe('splitConfig', () => {
  it('takes secrets out of objects, choices, references and lists', () => {
    const split = splitConfig(spec, config)
    expect(split.config).toEqual({
      host: 'db.example.com',
      credentials: { auth_type: 'oauth', client_id: 'me' },
      keys: [null, null],
      accounts: [{ name: 'a' }, { name: 'b' }],
      headers: {},
    })
    expect(split.secrets).toEqual({
      '/password': 'p-SECRET',
      '/credentials/client_secret': 's-SECRET',
      '/credentials/api~1key': 'k-SECRET',
      '/keys/0': '1-SECRET',
      '/keys/1': '2-SECRET',
      '/accounts/0/token': 'a-SECRET',
      '/headers/x-key': 'h-SECRET',
    })
  })

  it('takes an object that is a secret as a whole', () => {
    const whole = { properties: { key: { type: 'object', airbyte_secret: true } } }
    expect(splitConfig(whole, { key: { a: 1 } })).toEqual({
      config: {},
      secrets: { '/key': { a: 1 } },
    })
  })

  it('takes what stands at a known pointer although the spec does not mention it', () => {
    const given = { credentials: { auth_type: 'oauth', access_token: 't-SECRET' } }
    const split = splitConfig(spec, given, ['/credentials/access_token'])
    expect(split.config).toEqual({ credentials: { auth_type: 'oauth' } })
    expect(split.secrets).toEqual({ '/credentials/access_token': 't-SECRET' })
  })

  it('follows a reference whose names are encoded for a URL', () => {
    const encoded = {
      properties: { key: { $ref: '#/definitions/my%20key~1s' } },
      definitions: { 'my key/s': secret },
    }
    expect(splitConfig(encoded, { key: 'x-SECRET' }).secrets).toEqual({ '/key': 'x-SECRET' })
  })

  it('ends on a spec that refers to itself', () => {
    const node = { properties: { key: secret, next: { $ref: '#' } }, allOf: [{ $ref: '#' }] }
    const split = splitConfig(node, { next: { next: { key: 'SECRET' } } })
    expect(split.secrets).toEqual({ '/next/next/key': 'SECRET' })
  })

  it('takes what the name of a property may match, when its pattern takes too long', () => {
    const slow = { patternProperties: { '^(a+)+$': secret } }
    const name = `${'a'.repeat(40)}!`
    const split = splitConfig(
      { if: { required: ['nope'] }, then: slow },
      { [name]: 'SECRET', b: 1 },
    )
    expect(split).toEqual({ config: { b: 1 }, secrets: { [`/${name}`]: 'SECRET' } })
  })

  it('does not reach a prototype through the names of a configuration', () => {
    const hostile: unknown = JSON.parse('{"__proto__": {"token": "x"}, "constructor": {"a": 1}}')
    const given = hostile as JsonObject
    const pointers = ['/__proto__/token', '/constructor/a']
    const split = splitConfig({}, given, pointers)
    expect(Object.keys(split.secrets)).toEqual(pointers)
    expect(JSON.stringify(joinConfig(split.config, split.secrets))).toBe(JSON.stringify(hostile))
    expect({}).not.toHaveProperty('token')
  })
})

describe('splitConfig and joinConfig', () => {
  it('give back every configuration, and leave no planted secret in the public part', () => {
    fc.assert(
      fc.property(planted(), ({ spec: schema, config: given }) => {
        const split = splitConfig(schema, given)
        expect(joinConfig(split.config, split.secrets)).toEqual(given)
        expect(JSON.stringify(split.config)).not.toContain('SECRET')
        expect(JSON.stringify(split.secrets)).not.toContain('PUBLIC')
      }),
      { numRuns: 500 },
    )
  })

  it('leave out secrets of list items that are gone', () => {
    expect(joinConfig({ keys: [null] }, { '/keys/0': 'a', '/keys/1': 'b' })).toEqual({
      keys: ['a'],
    })
  })
})

interface Planted {
  readonly schema: JsonObject
  readonly value: JsonValue
}

/** A spec and a configuration in which the texts at secret places are SECRET-…, all others PUBLIC-…. */
function planted(): fc.Arbitrary<{ spec: JsonObject; config: JsonObject }> {
  const name = fc.stringMatching(/^[a-c~/]{1,3}$/)
  const { object } = fc.letrec<{ any: Planted; object: Planted }>((tie) => ({
    any: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.nat().map((n) => ({ schema: { type: 'string' }, value: `PUBLIC-${n}` })),
      fc.nat().map((n) => ({ schema: secret, value: `SECRET-${n}` })),
      fc.nat().map((n) => ({
        schema: { type: 'object', airbyte_secret: true },
        value: { inner: [`SECRET-${n}`] },
      })),
      fc.array(tie('any'), { maxLength: 3 }).map((items) => ({
        schema: { type: 'array', items: items.map((item) => item.schema) },
        value: items.map((item) => item.value),
      })),
      tie('object'),
      tie('object').map(({ schema, value }) => ({
        schema: { oneOf: [{ properties: { z: { type: 'string' } } }, schema] },
        value,
      })),
    ),
    object: fc.dictionary(name, tie('any'), { maxKeys: 4 }).map((entries) => ({
      schema: { type: 'object', properties: valuesOf(entries, 'schema') },
      value: valuesOf(entries, 'value'),
    })),
  }))
  return object.map(({ schema, value }) => ({ spec: schema, config: value as JsonObject }))
}

function valuesOf(entries: Record<string, Planted>, part: keyof Planted): JsonObject {
  return Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, entry[part]]))
}
