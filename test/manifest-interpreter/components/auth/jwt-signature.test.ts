import { createPrivateKey, createPublicKey, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { signJwt } from '../../../../manifest-interpreter/components/auth/jwt-signature.ts'
import vectors from './vectors.json' with { type: 'json' }

/** The texts that a token was signed over. */
function partsOf(token: string): { header: string; payload: string } {
  const [header = '', payload = ''] = token.split('.')
  const decode = (part: string) => Buffer.from(part, 'base64url').toString()
  return { header: decode(header), payload: decode(payload) }
}

describe('signJwt', () => {
  it.each(vectors.jwt)('signs as PyJWT does with $algorithm', ({ token, ...key }) => {
    expect(signJwt({ ...partsOf(token), ...key })).toBe(token)
  })

  it('signs the Ed25519 example of RFC 8037', () => {
    const key = createPrivateKey({
      format: 'jwk',
      key: {
        kty: 'OKP',
        crv: 'Ed25519',
        d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
        x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
      },
    }).export({ type: 'pkcs8', format: 'pem' })
    const token = signJwt({
      header: '{"alg":"EdDSA"}',
      payload: 'Example of Ed25519 signing',
      algorithm: 'EdDSA',
      key: key.toString(),
    })
    expect(token).toBe(
      'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
    )
  })

  it.each(Object.entries(vectors.ec))(
    'signs with %s so that the key verifies',
    (algorithm, key) => {
      const token = signJwt({ header: '{}', payload: '{}', algorithm, key })
      const end = token.lastIndexOf('.')
      const hash = `sha${algorithm.slice(2, 5)}`
      const options = { key: createPublicKey(key), dsaEncoding: 'ieee-p1363' as const }
      const signature = Buffer.from(token.slice(end + 1), 'base64url')
      expect(verify(hash, Buffer.from(token.slice(0, end)), options, signature)).toBe(true)
    },
  )

  it.each([
    ['an empty secret', 'HS256', ''],
    ['a private key as a secret', 'HS256', vectors.rsa],
    ['a JSON web key as a secret', 'HS512', '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'],
    ['a key of another curve', 'ES384', vectors.ec.ES256],
    ['a key of another kind', 'RS256', vectors.ec.ES256],
    ['what is no key', 'PS512', 'hmac-secret'],
    ['an unknown algorithm', 'none', 'hmac-secret'],
  ])('refuses %s, without telling it', (_, algorithm, key) => {
    const sign = () => signJwt({ header: '{}', payload: '{}', algorithm, key })
    expect(sign).toThrow()
    if (key !== '') expect(sign).not.toThrow(key)
  })

  it('refuses a passphrase for a key that is not encrypted', () => {
    const key = vectors.rsa
    expect(() =>
      signJwt({ header: '{}', payload: '{}', algorithm: 'RS256', key, passphrase: 'x' }),
    ).toThrow('not encrypted')
  })
})
