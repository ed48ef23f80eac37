import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSourceThreads, type SourceThreads } from '../../../engine/threads/source-threads.ts'
import { silent } from '../../support/logger.ts'

let pool: SourceThreads
beforeAll(() => {
  pool = openSourceThreads({ threads: 2, logger: silent })
})
afterAll(() => pool[Symbol.asyncDispose]())

const asked = {
  allowedNetworks: [],
  timeoutMs: 20_000,
  logger: silent,
  onConfigChanged: () => undefined,
  onSecretFound: () => undefined,
  changeConfig: () => Promise.reject(new Error('nobody changes it')),
}
const faker = { streams: [{ name: 'users', rows: 1 }] }

describe('sources that are asked in threads', () => {
  it('answer', async () => {
    const check = await pool.ask({ ...asked, question: 'check', type: 'faker', config: faker })
    expect(check).toEqual({ question: 'check', status: { status: 'SUCCEEDED' } })
    const found = await pool.ask({ ...asked, question: 'discover', type: 'faker', config: faker })
    expect(found).toMatchObject({ question: 'discover', catalog: { streams: [{ name: 'users' }] } })
  })

  it('fail with the error of the connector', async () => {
    const question = { ...asked, question: 'discover', type: 'faker', config: {} } as const
    await expect(pool.ask(question)).rejects.toMatchObject({ code: 'source_config_invalid' })
  })

  it('that do not answer are given up, and others answer all the same', async () => {
    const silent = createServer(() => undefined)
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const config = { host: '127.0.0.1', port, user: 'u', database: 'd', ssl: 'disable' }
    const question = { ...asked, question: 'check', type: 'postgres', config } as const
    // The server never responds: the threads end only if they are given up.
    const unanswered = [1, 2].map(() => pool.ask({ ...question, timeoutMs: 1_500 }))
    expect(await Promise.all(unanswered)).toEqual([undefined, undefined])
    const answer = await pool.ask({ ...asked, question: 'check', type: 'faker', config: faker })
    expect(answer).toMatchObject({ status: { status: 'SUCCEEDED' } })
    silent.close()
  })
})
