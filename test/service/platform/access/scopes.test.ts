import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Scope } from '../../../../service/platform/access/principal.ts'
import {
  kindCovers,
  patternCovers,
  patternMatches,
  scopesAllow,
  scopesCover,
} from '../../../../service/platform/access/scopes.ts'

const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 })
const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 })

describe('a pattern', () => {
  test('matches as the regular expression does that `*` stands for', () => {
    fc.assert(
      fc.property(pattern, text, (each, name) => {
        expect(patternMatches(each, name)).toBe(
          new RegExp(`^${each.replaceAll('*', '.*')}$`).test(name),
        )
      }),
      { numRuns: 2_000 },
    )
  })

  test('that covers another matches all that the other matches', () => {
    fc.assert(
      fc.property(pattern, pattern, text, (outer, inner, name) => {
        if (!patternCovers(outer, inner) || !patternMatches(inner, name)) return
        expect(patternMatches(outer, name), `${outer} ${inner} ${name}`).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })

  test('is looked for in time that grows with its length only', () => {
    expect(patternMatches('*a'.repeat(30), 'a'.repeat(29))).toBe(false)
  })

  test.each([
    ['team-*', 'team-a', true],
    ['team-*', 'team-a-*', true],
    ['*', 'team-*', true],
    ['*-prod', 'team-*-prod', true],
    ['team-a-*', 'team-*', false],
    ['*a*', 'ba*', false],
    ['team-a', 'team-*', false],
    ['ab*ba', 'ab*ba', true],
    ['ab*', 'a*', false],
  ])('%s covers %s: %s', (outer, inner, expected) => {
    expect(patternCovers(outer, inner)).toBe(expected)
  })
})

describe('scopes', () => {
  const scopes: readonly Scope[] = [
    { action: 'connections:*', names: ['ci-*'] },
    { action: 'catalog:read', names: null },
  ]

  test('allow what one of them allows', () => {
    const connection = (name: string) => ({ kind: 'connection', name }) as const
    expect(scopesAllow(scopes, 'connections:update', connection('ci-1'))).toBe(true)
    expect(scopesAllow(scopes, 'connections:update', connection('other'))).toBe(false)
    expect(scopesAllow(scopes, 'runs:start', connection('ci-1'))).toBe(false)
    expect(scopesAllow(scopes, 'catalog:read', { kind: 'service', name: '' })).toBe(true)
    expect(scopesAllow(null, 'runs:start', connection('x'))).toBe(true)
    const named: readonly Scope[] = [{ action: '*', names: ['*'] }]
    expect(scopesAllow(named, 'api-keys:read', { kind: 'service', name: '' })).toBe(false)
  })

  test('cover others that are within them', () => {
    expect(scopesCover(null, scopes)).toBe(true)
    expect(scopesCover(scopes, null)).toBe(false)
    expect(scopesCover(scopes, [{ action: 'connections:read', names: ['ci-x'] }])).toBe(true)
    expect(scopesCover(scopes, [{ action: 'connections:read', names: null }])).toBe(false)
    expect(scopesCover(scopes, [{ action: '*', names: ['ci-x'] }])).toBe(false)
    expect(scopesCover(scopes, [{ action: 'catalog:read', names: ['x'] }])).toBe(true)
    const both = [
      { action: 'catalog:read', names: null },
      { action: 'runs:read', names: null },
    ]
    expect(scopesCover(scopes, both)).toBe(false)
  })
})

test('no kind covers a stronger one', () => {
  expect(kindCovers('admin', 'admin')).toBe(true)
  expect(kindCovers('operator', 'agent')).toBe(true)
  expect(kindCovers('operator', 'admin')).toBe(false)
  expect(kindCovers('viewer', 'agent')).toBe(false)
  expect(kindCovers('agent', 'operator')).toBe(false)
})
