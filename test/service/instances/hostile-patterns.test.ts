import { expect, test } from 'vitest'
import { violations } from '../../../manifest-interpreter/config/json-schema/violations.ts'
import { SecretFilter } from '../../../manifest-interpreter/source/secret-filter.ts'
import { parseJson } from '../../../manifest-interpreter/value/json.ts'
import type { Dict } from '../../../manifest-interpreter/value/value.ts'
import { isDict } from '../../../manifest-interpreter/value/dict.ts'
import type { JsonObject } from '../../../protocol/index.ts'
import { checkConfig } from '../../../service/instances/check-config.ts'
import { splitConfig } from '../../../service/platform/secrets/secret-fields.ts'
import { replaceConfig } from '../../../service/instances/replace-config.ts'

/**
 * Each takes some 20 ms with the pattern, less than the limit of one expression: 1,000 take more than 20 s.
 */
const names = Array.from({ length: 1_000 }, (_, i) => `${'a'.repeat(28)}${i}`)
const slow = '^(a|aa)+$'
const config: JsonObject = Object.fromEntries(names.map((name) => [name, name]))

function dict(json: JsonObject): Dict {
  const value = parseJson(JSON.stringify(json))
  if (!isDict(value)) throw new TypeError('no dict')
  return value
}

// A walk that is not bounded tries every pattern: it finds that none matches, and nothing is refused or
// secret.
test.each<[string, JsonObject]>([
  ['of all properties', { additionalProperties: { pattern: slow } }],
  ['of names', { patternProperties: { [slow]: true } }],
  [
    'of names beside additionalProperties',
    { patternProperties: { [slow]: true }, additionalProperties: false },
  ],
  ['of names, by another keyword', { propertyNames: { pattern: slow } }],
])('1,000 properties and one hostile pattern %s are bounded in total', (_, spec) => {
  expect(() => violations(dict(spec), dict(config))).toThrow('pattern that cannot be used')
})

test('many slow patterns are bounded in total, also if each is asked once', () => {
  const patterns = names.map((_, i) => [`${slow}|${i}$`, true] as const)
  const spec = { patternProperties: Object.fromEntries(patterns) }
  expect(() => violations(dict(spec), dict({ ['a'.repeat(28) + '!']: 1 }))).toThrow(
    'pattern that cannot be used',
  )
})

test('what a pattern refuses is told without trying it without end', () => {
  const spec = { patternProperties: { [slow]: true }, additionalProperties: false }
  expect(() => {
    checkConfig('shop', spec, config)
  }).toThrow('cannot be used to check it')
})

test('secrets are taken out in bounded time: a name that cannot be tried is secret', () => {
  const spec = { patternProperties: { [slow]: { airbyte_secret: true } } }
  const { secrets } = splitConfig(spec, config)
  expect(secrets).toHaveProperty([`/${names.at(-1) ?? ''}`])
})

test('an update is taken in bounded time', () => {
  const spec = { patternProperties: { [slow]: { airbyte_secret: true } } }
  const secrets = Object.fromEntries(names.map((name) => [`/${name}`, 'kept']))
  const facts = { type: 'shop', title: 'Shop', docsUrl: 'https://shop.test' }
  const more = { auth: [], webhooks: [], addressFields: () => [] }
  const descriptor = { ...facts, spec, ...more }
  const updated = replaceConfig(descriptor, { config: {}, secrets }, config)
  expect(updated.secrets).toHaveProperty([`/${names.at(-1) ?? ''}`], names.at(-1))
})

test('secrets are masked in bounded time', () => {
  const specification = dict({ patternProperties: { [slow]: { airbyte_secret: true } } })
  expect(new SecretFilter(specification, dict(config)).text(`x ${names.at(-1) ?? ''}`)).toBe(
    'x ***',
  )
})

test('a quick pattern is asked for 20,000 names', () => {
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`x_${i}`, 'y']))
  const spec = { patternProperties: { '^x_[0-9]+$': { pattern: '^[a-z]$' } } }
  expect(violations(dict({ ...spec, additionalProperties: false }), dict(many))).toEqual([])
})
