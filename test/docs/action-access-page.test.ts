import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { defaultPolicy } from '../support/default-policy.ts'
import {
  actionAccessPage,
  everyAction,
  invokeModes,
  isPermitted,
  type InvokeMode,
} from './action-access-page.ts'

test('docs/action-access.md is what the default policy says of every action', async () => {
  const page = resolve('docs/action-access.md')
  await expect(await actionAccessPage(await defaultPolicy())).toMatchFileSnapshot(page)
})

test('every action of every connector is asked about', async () => {
  const byType = Map.groupBy(await everyAction(), ({ type }) => type)
  expect(Object.fromEntries([...byType].map(([type, some]) => [type, some.length]))).toEqual({
    github: 64,
    linear: 29,
    salesforce: 21,
    slack: 30,
    stripe: 55,
  })
})

const all: readonly InvokeMode[] = invokeModes

/** Written by hand: what each kind may do with an action that reads, and with one that changes something. */
const expected = {
  admin: { read: all, change: all },
  operator: { read: all, change: all },
  viewer: { read: ['see'], change: ['see'] },
  agent: { read: all, change: ['see', 'dry-run', 'invoke with a token'] },
} as const satisfies Record<string, Record<string, readonly InvokeMode[]>>

test.each(Object.entries(expected))(
  'a principal of kind %s may do what it should with each',
  async (kind, may) => {
    const policy = await defaultPolicy()
    for (const { type, action } of await everyAction()) {
      const allowed: readonly InvokeMode[] = action.effect === 'read' ? may.read : may.change
      const permitted = invokeModes.filter((mode) =>
        isPermitted(policy, { kind: kind as keyof typeof expected, action, mode }),
      )
      expect(permitted, `${type} ${action.name}`).toEqual(allowed)
    }
  },
)

test('what deletes something asks first, but for what can be done again', async () => {
  const silent = (await everyAction()).filter(
    ({ action }) => action.effect === 'delete' && !action.requiresConfirmation,
  )
  expect(silent.map(({ action }) => action.name)).toEqual(['removeReaction'])
})

test('what moves money asks first', async () => {
  const stripe = (await everyAction()).filter(({ type }) => type === 'stripe')
  const asking = stripe.filter(({ action }) => action.requiresConfirmation)
  expect(asking.map(({ action }) => action.name)).toEqual(
    expect.arrayContaining([
      ...['createPaymentIntent', 'confirmPaymentIntent', 'capturePaymentIntent', 'createRefund'],
      ...['createSubscription', 'updateSubscription', 'finalizeInvoice', 'payInvoice'],
    ]),
  )
})
