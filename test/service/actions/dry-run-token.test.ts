import { expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { DryRunTokens } from '../../../service/actions/dry-run-token.ts'
import type { Secrets } from '../../../service/platform/secrets/secret-fields.ts'
import type { Vault } from '../../../service/platform/vault/vault.ts'

const subject = {
  principal: 'key_1',
  instanceId: 'ins_1',
  instanceVersion: 1,
  action: 'createCustomer',
  inputHash: 'hash',
}

/** A vault in memory, and a clock. */
function tokensAt(clock: { ms: number }): DryRunTokens {
  const kept = new Map<string, Secrets>()
  const vault: Vault = {
    get: (path) => {
      const secrets = kept.get(path)
      return Promise.resolve(secrets === undefined ? null : { secrets, version: 1 })
    },
    put: (path, secrets) => {
      kept.set(path, secrets)
      return Promise.resolve(1)
    },
    delete: () => Promise.resolve(),
    check: () => Promise.resolve({ unusable: 0 }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  return new DryRunTokens(vault, () => clock.ms)
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return error instanceof ConnectError ? error.code : 'none'
}

test('a token is good for fifteen minutes, and not a moment longer', async () => {
  const clock = { ms: Date.UTC(2026, 0, 1) }
  const tokens = tokensAt(clock)
  const { token } = await tokens.issue(subject)
  clock.ms += 15 * 60_000
  expect((await tokens.verify(token, subject)).nonce).toHaveLength(22)
  clock.ms += 1
  expect(await codeOf(tokens.verify(token, subject))).toBe('dry_run_token_expired')
})

test('a token whose expiry, nonce or subject is another is none', async () => {
  const clock = { ms: Date.UTC(2026, 0, 1) }
  const tokens = tokensAt(clock)
  const { token } = await tokens.issue(subject)
  const [prefix = '', expiry = '', nonce = '', signature = ''] = token.split('.')
  const later = (Number.parseInt(expiry, 36) + 60_000).toString(36)
  for (const forged of [
    [prefix, later, nonce, signature],
    [prefix, expiry, `${nonce.slice(0, -1)}${nonce.endsWith('A') ? 'B' : 'A'}`, signature],
    [prefix, expiry, nonce, 'A'.repeat(43)],
    [prefix, expiry, nonce, ''],
    [prefix, expiry, nonce, signature, 'x'],
    ['rpt', expiry, nonce, signature],
  ])
    expect(await codeOf(tokens.verify(forged.join('.'), subject))).toBe('dry_run_token_invalid')
  for (const other of [
    { principal: 'key_2' },
    { instanceId: 'ins_2' },
    { instanceVersion: 2 },
    { action: 'deleteCustomer' },
    { inputHash: 'other' },
  ])
    expect(await codeOf(tokens.verify(token, { ...subject, ...other }))).toBe(
      'dry_run_token_invalid',
    )
})
