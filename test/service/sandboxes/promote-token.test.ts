import { createHmac, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  isTokenOf,
  PromoteTokens,
  readToken,
  tokenHash,
  type TokenSubject,
} from '../../../service/sandboxes/promote-token.ts'
import type { PromotionBinding } from '../../../service/sandboxes/promotion-binding.ts'
import { newId } from '../../../service/platform/database/ids.ts'
import { openFileVault } from '../../../service/platform/vault/file-vault.ts'
import type { Vault } from '../../../service/platform/vault/vault.ts'
import { newFolder } from '../../support/new-folder.ts'

let folder: string
let vault: Vault
beforeAll(async () => {
  folder = await newFolder('tokens')
  vault = await openFileVault({ folder })
})
afterAll(async () => {
  await vault[Symbol.asyncDispose]()
})

/** As versions bound tokens that gave no format. */
const unnumbered: PromotionBinding = {
  connectionId: 'con_1',
  connectionVersion: 3,
  lastRun: null,
  instanceHash: 'instance',
  catalogHash: 'catalog',
  destinationFingerprint: 'destination',
  principal: 'key_1',
}

function subject(): TokenSubject {
  return {
    sandbox: newId('sbx'),
    expiresAt: '2030-01-01T00:00:00.000Z',
    binding: { format: 2, ...unnumbered },
  }
}

async function isSigned(token: string, about: TokenSubject): Promise<boolean> {
  const read = readToken(token)
  return read !== undefined && (await new PromoteTokens(vault).isSigned(read, about))
}

test('a token is good for what it was made for, in every process with the same vault', async () => {
  const about = subject()
  const token = await new PromoteTokens(vault).issue(about)
  expect(readToken(token)?.sandbox).toBe(about.sandbox)
  expect(await isSigned(token, about)).toBe(true)
  expect(isTokenOf(token, tokenHash(token))).toBe(true)
})

test('a token is good for nothing else', async () => {
  const about = subject()
  const token = await new PromoteTokens(vault).issue(about)
  const { binding } = about
  const others: readonly TokenSubject[] = [
    { ...about, sandbox: newId('sbx') },
    { ...about, expiresAt: '2030-01-01T00:00:00.001Z' },
    { ...about, binding: { ...binding, format: 3 } },
    { ...about, binding: unnumbered },
    { ...about, binding: { ...binding, connectionId: 'con_2' } },
    { ...about, binding: { ...binding, connectionVersion: 4 } },
    { ...about, binding: { ...binding, lastRun: 'run_1' } },
    { ...about, binding: { ...binding, instanceHash: 'other' } },
    { ...about, binding: { ...binding, catalogHash: 'other' } },
    { ...about, binding: { ...binding, destinationFingerprint: 'other' } },
    { ...about, binding: { ...binding, principal: 'key_2' } },
  ]
  for (const other of others) expect(await isSigned(token, other)).toBe(false)
})

test('a token of a version without formats is still known as one of the service', async () => {
  await using key = await openFileVault({ folder: await newFolder('tokens') })
  const bytes = Buffer.alloc(32, 7)
  await key.put('sandbox/promote-key', { key: bytes.toString('base64') }, { ifVersion: 0 })
  const { binding, ...about } = { ...subject(), sandbox: `sbx_${'0'.repeat(26)}` }
  const nonce = 'A'.repeat(43)
  const signature = createHmac('sha256', bytes)
    .update(
      '["reactor-connect promote 1","sbx_00000000000000000000000000","AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","2030-01-01T00:00:00.000Z","con_1",3,null,"instance","catalog","destination","key_1"]',
    )
    .digest()
  const tokens = new PromoteTokens(key)
  const read = { sandbox: about.sandbox, nonce, signature }
  expect(await tokens.isSigned(read, { ...about, binding: unnumbered })).toBe(true)
  expect(await tokens.isSigned(read, { ...about, binding })).toBe(false)
})

test('a token with any character changed is no token, or not a signed one', async () => {
  const about = subject()
  const token = await new PromoteTokens(vault).issue(about)
  const hash = tokenHash(token)
  for (let place = 0; place < token.length; place++) {
    const changed = `${token.slice(0, place)}${token[place] === 'A' ? 'B' : 'A'}${token.slice(place + 1)}`
    // The last character of 32 bytes in base64 has bits that mean nothing. The stored hash detects a change
    // in them.
    const passes = (await isSigned(changed, about)) && isTokenOf(changed, hash)
    expect({ place, passes }).toEqual({ place, passes: false })
  }
})

test('a token that another key signed is refused', async () => {
  const about = subject()
  const token = await new PromoteTokens(vault).issue(about)
  const other = await newFolder('tokens')
  await using otherVault = await openFileVault({ folder: other })
  const read = readToken(token)
  if (read === undefined) throw new Error('no token')
  expect(await new PromoteTokens(otherVault).isSigned(read, about)).toBe(false)
})

test('what cannot be a token is not looked at', () => {
  const part = randomBytes(32).toString('base64url')
  const ulid = newId('sbx').slice(4)
  expect(readToken(`rpt.${ulid}.${part}.${part}`)).toBeDefined()
  for (const text of [
    '',
    'rpt',
    `rpt.${ulid}.${part}`,
    `rpt.${ulid}.${part}.${part}x`,
    `rpt.${ulid.toLowerCase()}.${part}.${part}`,
    ` rpt.${ulid}.${part}.${part}`,
    `rpt.${ulid}.${part}.${part}\n`,
    `rpt.${'I'.repeat(26)}.${part}.${part}`,
  ])
    expect(readToken(text), text).toBeUndefined()
})
