import { createHash, randomBytes } from 'node:crypto'

/** A new address: 256 random bits. */
export function newToken(): { readonly token: string; readonly hash: Buffer } {
  const token = `rcvt_${randomBytes(32).toString('base64url')}`
  return { token, hash: tokenHash(token) }
}

/** The token is random, so a fast hash is enough. */
export function tokenHash(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
