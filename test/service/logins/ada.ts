import type { Logger } from 'pino'
import { expect } from 'vitest'
import { loginDocument } from '../../../service/logins/schema.ts'
import type { Vault } from '../../../service/platform/vault/vault.ts'
import type { Store } from '../../../service/store/store.ts'
import { silent } from '../../support/logger.ts'
import type { Answer } from '../../support/api-client.ts'
import { TestApi } from '../../support/test-api.ts'

export const email = 'ada@example.com'
export const password = 'correct horse battery'

/** A service with one user. */
export async function withAda(role = 'operator'): Promise<TestApi> {
  const api = await TestApi.start()
  expect((await api.call('POST /users', { email, role, password })).status).toBe(201)
  return api
}

/** Without the API key. */
export async function post(
  api: TestApi,
  route: string,
  { token, ...body }: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return api.asked(route, {
    body: JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
  })
}

export async function tokenOf(api: TestApi, given = { email, password }): Promise<string> {
  const { status, body } = await post(api, 'POST /auth/login', given)
  expect(status, JSON.stringify(body)).toBe(200)
  return loginDocument.parse(body).token
}

/** Returns the dependencies of `testIdentity`, without a log. */
export function partsOf({ store, vault }: TestApi): { store: Store; vault: Vault; logger: Logger } {
  return { store, vault, logger: silent }
}
