import { expect, it } from 'vitest'
import { AskInstance } from '../../../service/instances/ask-instance.ts'

/** A source that did not answer in its time. */
const silentSource = new AskInstance(
  {
    sources: {
      ask: () => Promise.resolve(undefined),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    allowedNetworks: [],
    store: {
      discoveries: {
        get: () => Promise.resolve(null),
        put: () => Promise.reject(new Error('there is nothing to keep')),
      },
    },
  },
  {
    get: () => Promise.reject(new Error('nobody asks for it')),
    resolveConfig: () => Promise.resolve({ type: 'faker', config: {}, secrets: [] }),
    keepConfig: () => Promise.resolve(),
    changeConfig: () => Promise.reject(new Error('nobody changes it')),
    authorizationLost: () => Promise.reject(new Error('nobody loses it')),
  },
)

it('takes silence of the source for what a check has found', async () => {
  expect(await silentSource.check('shop')).toEqual({
    status: 'FAILED',
    message: expect.stringContaining(
      'The source of shop did not answer within 60 seconds',
    ) as string,
  })
})
