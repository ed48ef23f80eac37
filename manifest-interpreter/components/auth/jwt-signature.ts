import { Buffer } from 'node:buffer'
import { constants, createHmac, createPrivateKey, sign, type KeyObject } from 'node:crypto'
import { parseJson } from '../../value/json.ts'
import { entries, has, isDict } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import type { Value } from '../../value/value.ts'

/** A token in JWS compact form: its header and payload are JSON texts, as they are to be signed. */
export function signJwt(token: UnsignedJwt): string {
  const signing = algorithms.get(token.algorithm)
  if (signing === undefined) throw valueError(`The JWT algorithm ${token.algorithm} is unknown.`)
  const input = `${base64Url(token.header)}.${base64Url(token.payload)}`
  return `${input}.${base64Url(signing(Buffer.from(input), token))}`
}

export interface UnsignedJwt {
  readonly header: string
  readonly payload: string
  readonly algorithm: string
  /** A secret text for HS algorithms, a private key in PEM for the others. */
  readonly key: string
  /** The passphrase of an encrypted private key. */
  readonly passphrase?: string | undefined
}

type Signing = (input: Buffer, token: UnsignedJwt) => Buffer

const algorithms: ReadonlyMap<string, Signing> = new Map([
  ...['256', '384', '512'].flatMap((bits): [string, Signing][] => [
    [`HS${bits}`, hmac(`sha${bits}`)],
    [`RS${bits}`, rsa(`sha${bits}`, { padding: constants.RSA_PKCS1_PADDING })],
    [
      `PS${bits}`,
      rsa(`sha${bits}`, {
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }),
    ],
  ]),
  ['ES256', ecdsa('sha256', 'prime256v1')],
  ['ES256K', ecdsa('sha256', 'secp256k1')],
  ['ES384', ecdsa('sha384', 'secp384r1')],
  ['ES512', ecdsa('sha512', 'secp521r1')],
  ['EdDSA', eddsa],
])

function hmac(hash: string): Signing {
  return (input, { key, passphrase }) => {
    if (passphrase !== undefined) throw valueError('A secret text has no passphrase.')
    checkSecret(key)
    return createHmac(hash, key).update(input).digest()
  }
}

/** Refuses a key in place of a secret: anybody who knows a public key could make tokens with it. */
function checkSecret(secret: string): void {
  if (secret === '') throw valueError('The secret of a JWT must not be empty.')
  const looksLikeKey =
    /-----BEGIN ([A-Z0-9 ]+)-----\r?\n[^]+?\r?\n-----END \1-----/.test(secret) ||
    /^(?:ssh-ed25519|ssh-rsa|ssh-dss|ecdsa-sha2-nistp\d+)/.test(secret) ||
    isJsonWebKey(secret)
  if (looksLikeKey) throw valueError('An asymmetric key cannot be the secret of an HS algorithm.')
}

function isJsonWebKey(secret: string): boolean {
  if (!/^\s*[[{]/.test(secret)) return false
  try {
    return holdsKeyType(parseJson(secret))
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

function holdsKeyType(value: Value): boolean {
  if (Array.isArray(value)) return value.some(holdsKeyType)
  if (!isDict(value)) return false
  return has(value, 'kty') || entries(value).some(([, nested]) => holdsKeyType(nested))
}

function rsa(hash: string, options: { padding: number; saltLength?: number }): Signing {
  return (input, token) => {
    const key = privateKey(token, ['rsa', 'rsa-pss'])
    return sign(hash, input, { key, ...options })
  }
}

function ecdsa(hash: string, curve: string): Signing {
  return (input, token) => {
    const key = privateKey(token, ['ec'])
    if (key.asymmetricKeyDetails?.namedCurve !== curve)
      throw valueError(`The algorithm ${token.algorithm} needs a key on the curve ${curve}.`)
    return sign(hash, input, { key, dsaEncoding: 'ieee-p1363' })
  }
}

function eddsa(input: Buffer, token: UnsignedJwt): Buffer {
  return sign(null, input, privateKey(token, ['ed25519', 'ed448']))
}

function privateKey({ key, passphrase, algorithm }: UnsignedJwt, types: string[]): KeyObject {
  const encrypted = key.includes('ENCRYPTED')
  if (passphrase !== undefined && !encrypted)
    throw valueError('The private key is not encrypted: remove the passphrase.')
  const object = createPrivateKey(passphrase === undefined ? key : { key, passphrase })
  if (!types.includes(object.asymmetricKeyType ?? ''))
    throw valueError(`The algorithm ${algorithm} needs another kind of private key.`)
  return object
}

function base64Url(data: string | Buffer): string {
  return (typeof data === 'string' ? Buffer.from(data) : data).toString('base64url')
}
