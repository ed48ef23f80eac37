import { expect, it, vi } from 'vitest'
import type { SourceAnswer } from '../../../engine/threads/protocol.ts'
import { AskInstance } from '../../../service/instances/ask-instance.ts'
import { silent } from '../../support/logger.ts'

const written = '2026-01-01T00:00:00Z'

/** The instance `shop`, whose source responds with the result of `ask`; no discovery of it is stored. */
function shopWhoseSource(ask: () => Promise<SourceAnswer | undefined>): AskInstance {
  return new AskInstance(
    {
      sources: { ask, [Symbol.asyncDispose]: () => Promise.resolve() },
      allowedNetworks: [],
      logger: silent,
      store: {
        discoveries: {
          get: () => Promise.resolve(null),
          put: (_id, _version, catalog) => Promise.resolve({ catalog, discoveredAt: written }),
        },
      },
    },
    {
      get: (name) =>
        Promise.resolve({
          id: 'ins_1',
          name,
          type: 'faker',
          config: {},
          secrets: [],
          credentials: 'ready',
          version: 1,
          createdAt: written,
          updatedAt: written,
        }),
      resolveConfig: () => Promise.resolve({ type: 'faker', config: {}, secrets: [] }),
      keepConfig: () => Promise.resolve(),
      changeConfig: () => Promise.reject(new Error('nobody changes it')),
      noteAuthorizationLost: () => Promise.reject(new Error('nobody loses it')),
    },
  )
}

it('takes silence of the source for what a check has found', async () => {
  const shop = shopWhoseSource(() => Promise.resolve(undefined))
  expect(await shop.check('shop')).toEqual({
    status: 'FAILED',
    message: expect.stringContaining(
      'The source of shop did not respond within 60 seconds',
    ) as string,
  })
})

it('shares a discovery that runs, but not with those who ask for what is there now', async () => {
  const answers: PromiseWithResolvers<SourceAnswer>[] = []
  const shop = shopWhoseSource(() => {
    const answer = Promise.withResolvers<SourceAnswer>()
    answers.push(answer)
    return answer.promise
  })
  const discover = (refresh: boolean): Promise<unknown> => shop.discover('shop', { refresh })
  const [first, shared] = [discover(false), discover(false)]
  await vi.waitFor(() => {
    expect(answers).toHaveLength(1)
  }, 10_000)
  const [fresh, sharedFresh] = [discover(true), discover(true)]
  answers[0]?.reject(new Error('the source went away'))
  for (const old of [first, shared]) await expect(old).rejects.toThrow('the source went away')
  await vi.waitFor(() => {
    expect(answers).toHaveLength(2)
  }, 10_000)
  const catalog = { streams: [] }
  answers[1]?.resolve({ question: 'discover', catalog })
  for (const now of [fresh, sharedFresh]) expect(await now).toMatchObject({ catalog })
  expect(answers).toHaveLength(2)
})
