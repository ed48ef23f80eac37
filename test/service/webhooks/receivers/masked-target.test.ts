import { describe, expect, test } from 'vitest'
import { settledOf } from '../../../../service/webhooks/dispatch/dispatch-outcome.ts'
import { dispatchProblems } from '../../../../service/webhooks/receivers/dispatch-problems.ts'
import {
  maskedTarget,
  targetWithoutQuery,
} from '../../../../service/webhooks/receivers/masked-target.ts'
import { claimedEvent } from '../dispatch/claimed.ts'

describe('a target', () => {
  test.each([
    ['url:https://a.example/h?token=s3cret', 'url:https://a.example/h?token=***'],
    ['url:https://a.example/?a=1&b=&s3cret&c=x=y', 'url:https://a.example/?a=***&b=&***&c=***'],
    ['url:https://a.example/h?a=b?c=d', 'url:https://a.example/h?a=***'],
    ['url:https://a.example/h?', 'url:https://a.example/h?'],
    ['url:https://a.example/h', 'url:https://a.example/h'],
    ['stream:shop/a?b=c', 'stream:shop/a?b=c'],
  ])('is shown without the values of its query: %s', (target, shown) => {
    expect(maskedTarget(target)).toBe(shown)
    expect(dispatchProblems([{ target: shown }])).toEqual(
      shown.includes('***') ? [expect.stringContaining('body/dispatch/0/target')] : [],
    )
  })

  test('has no query in logs and errors', () => {
    const target = 'url:https://a.example/h?token=s3cret'
    expect(targetWithoutQuery(target)).toBe('url:https://a.example/h')
    const failed = { outcome: 'failed', reason: 'it said no', isFinal: true } as const
    const settled = settledOf(claimedEvent(target), failed, 0)
    expect(settled).toMatchObject({ target, outcome: 'dead' })
    expect(JSON.stringify({ ...settled, target: '' })).not.toContain('s3cret')
  })
})
