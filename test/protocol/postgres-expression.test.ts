import { describe, expect, test } from 'vitest'
import { expressionTokens, postgresDefinitionsOf } from '../../protocol/index.ts'
import { translateExpression } from '../../sinks/postgres/definitions/translate-expression.ts'

const names = {
  columns: new Map([
    ['name', 'full name'],
    ['state', 'state'],
  ]),
  types: new Map([['state', '"shop"."state"']]),
}

describe('an expression of the source', () => {
  test.each([
    `(total >= (0)::numeric) AND (state = ANY (ARRAY['new'::public.state]))`,
    String.raw`email ~ E'^\\S+--\';'`,
    `"odd "" name" IS NOT NULL`,
    `(tags)[1] || 'it''s; --'`,
  ])('is one: %s', (text) => {
    expect(
      expressionTokens(text)
        ?.map((token) => token.gap + token.text)
        .join(''),
    ).toBe(text)
  })

  test.each([
    `true); DROP TABLE x; --`,
    `1) , b (2`,
    `a, b`,
    `a -- b`,
    `a /* b`,
    `'open`,
    String.raw`E'\'`,
    `$$a$$`,
    `(a]`,
    `)(`,
    ``,
  ])('is none: %s', (text) => {
    expect(expressionTokens(text)).toBeUndefined()
  })

  test('has the names of the destination, and calls only functions of the catalog', () => {
    expect(
      translateExpression(`lower(name) <> name AND state = 'new'::public.state`, names),
    ).toEqual({
      sql: `lower("full name") <> "full name" AND state = 'new'::"shop"."state"`,
      functions: ['lower'],
    })
    expect(translateExpression(`public.f(name)`, names)).toEqual({
      problem: 'it names public.f, which is not a part of PostgreSQL',
    })
    expect(translateExpression(`name OPERATOR(public.=) 'a'`, names)).toHaveProperty('problem')
  })

  test('that is none makes its definition unknown', () => {
    const check = { kind: 'check', name: 'c', columns: ['a'] }
    const stream = {
      name: 't',
      postgres_definitions: [
        { ...check, expression: 'a > 0' },
        { ...check, expression: 'a > 0) ; (' },
        { kind: 'later', columns: [] },
      ],
    }
    expect(postgresDefinitionsOf(stream)).toEqual([{ ...check, expression: 'a > 0' }])
  })
})
