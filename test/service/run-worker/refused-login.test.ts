import { expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { explainRefusedLogin } from '../../../service/run-worker/refused-login.ts'

const used = {
  host: 'db',
  port: 5432,
  database: 'd',
  user: 'u',
  password: 'old-SECRET',
  ssl: 'require',
} as const
const refused = new ConnectError('destination_credentials_refused', {
  details: { host: 'db', port: 5432, user: 'u' },
})
const now = (password: string) => () => Promise.resolve({ ...used, password })

test('a login that was replaced is worth another attempt, and neither one is shown', async () => {
  const error = await explainRefusedLogin(refused, { used, ask: now('new-SECRET') })
  expect(error).toMatchObject({ code: 'destination_connection_lost', retryable: true })
  expect(JSON.stringify(error)).not.toContain('SECRET')
})

test('a login that is still the same stays refused', async () => {
  expect(await explainRefusedLogin(refused, { used, ask: now('old-SECRET') })).toBe(refused)
})

test('if nobody can say whether there is another login, that is the error', async () => {
  const away = new ConnectError('data_unreachable', { details: { url: 'x', reason: 'y' } })
  const ask = (): Promise<never> => Promise.reject(away)
  expect(await explainRefusedLogin(refused, { used, ask })).toBe(away)
})

test('any other error stays, and nobody is asked', async () => {
  const other = new ConnectError('destination_busy', {
    details: { host: 'db', port: 1, reason: 'z' },
  })
  const ask = (): Promise<never> => Promise.reject(new Error('asked'))
  expect(await explainRefusedLogin(other, { used, ask })).toBe(other)
})
