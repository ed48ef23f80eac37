import { describe, expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import {
  formatConflictRules,
  parseConflictRules,
  ruleOf,
} from '../../../sinks/two-way/conflict-rules.ts'

test('parses the rules of the documentation', () => {
  const rules = parseConflictRules('Lead:last_write_wins,Account:source_of_truth_a')
  expect([...rules]).toEqual([
    ['Lead', { rule: 'last_write_wins', fields: {} }],
    ['Account', { rule: 'source_of_truth_a', fields: {} }],
  ])
})

test('a field has a rule of its own', () => {
  const rules = parseConflictRules('Lead.Email:source_of_truth_b, Lead:review')
  const lead = rules.get('Lead')
  expect(lead).toBeDefined()
  if (lead === undefined) return
  expect(ruleOf(lead, 'Email')).toBe('source_of_truth_b')
  expect(ruleOf(lead, 'Phone')).toBe('review')
  expect(ruleOf(lead, undefined)).toBe('review')
})

test('streams with dots are found among the known ones', () => {
  const streams = ['public.users', 'public.users.archive']
  const rules = parseConflictRules(
    'public.users:review,public.users.email:source_of_truth_a,public.users.archive:source_of_truth_b',
    streams,
  )
  expect([...rules.keys()]).toEqual(['public.users', 'public.users.archive'])
  expect(rules.get('public.users')?.fields).toEqual({ email: 'source_of_truth_a' })
})

test('rules that were parsed are written again', () => {
  const text = 'Lead:last_write_wins,Lead.Email:review,Account:source_of_truth_a'
  expect(formatConflictRules(parseConflictRules(text))).toBe(text)
})

describe('errors name the rule', () => {
  test.each([
    ['Lead', 'rule 1, `Lead`: it has no colon'],
    ['Lead:lww', 'rule 1, `Lead:lww`: there is no rule `lww`'],
    ['Lead:review,Account:', 'rule 2, `Account:`: it names no rule after the colon'],
    [':review', 'rule 1, `:review`: it names no stream before the colon'],
    ['Lead:review,,Account:review', 'rule 2: it is empty'],
    ['', 'rule 1: it is empty'],
    ['Lead:review,Lead:review', 'rule 2, `Lead:review`: Lead has two rules'],
    ['Lead.Email:review', 'rule 1, `Lead.Email:review`: Lead has no rule of its own'],
    [
      'Lead:review,Lead.Email:review,Lead.Email:review',
      'rule 3, `Lead.Email:review`: Lead.Email has two rules',
    ],
  ])('%s', (text, problem) => {
    expect(() => parseConflictRules(text)).toThrow(
      new ConnectError('conflict_rules_invalid', { details: { problem, fix: '' } }).message,
    )
  })

  test('an unknown stream', () => {
    expect(() => parseConflictRules('Leed:review', ['Lead', 'Account'])).toThrow(
      'no stream of both connections is named `Leed`',
    )
  })

  test('a near rule is suggested', () => {
    try {
      parseConflictRules('Lead:last_write_win')
      expect.unreachable()
    } catch (error) {
      expect(ConnectError.from(error).suggestedFix).toContain('Did you mean `last_write_wins`?')
    }
  })
})
