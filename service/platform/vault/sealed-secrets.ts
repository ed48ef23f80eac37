import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  randomBytes,
  type KeyObject,
} from 'node:crypto'

/**
 * The bytes of one file of the embedded vault:
 *
 *     "RCV1" | key id (8) | version (8, big endian) | nonce (12) | AES-256-GCM ciphertext | tag (16)
 *
 * The header and the file's name (a hash of the path) are authenticated, so a file cannot be altered, put in
 * place of another one, or claim another version. Nonces are random: a key is good for 2^32 writes.
 */
export interface VaultKey {
  /** Derived from the key's hash: not a secret. */
  readonly id: string
  readonly bytes: Buffer
  /**
   * The same, made once: Node makes one of bytes for each use, which takes 4 times as long as to seal a small
   * text.
   */
  readonly secret: KeyObject
}

const magic = Buffer.from('RCV1')
const keyIdAt = 4
const headerBytes = 20
const nonceBytes = 12
const tagBytes = 16

export function vaultKey(bytes: Buffer): VaultKey {
  const hash = createHash('sha256').update('reactor-connect vault key\0').update(bytes)
  return { id: hash.digest('hex').slice(0, 16), bytes, secret: createSecretKey(bytes) }
}

export function newVaultKey(): VaultKey {
  return vaultKey(randomBytes(32))
}

/** 32 bytes in base64 (or base64url); undefined if it is something else. */
export function parseVaultKey(text: string): VaultKey | undefined {
  if (!/^[\w+/-]{43}=?$/.test(text.trim())) return undefined
  return vaultKey(Buffer.from(text.trim(), 'base64'))
}

export interface SealedHeader {
  readonly keyId: string
  readonly version: number
}

/** The header of a file, not yet authenticated; undefined if it is not such a file. */
export function readHeader(file: Uint8Array): SealedHeader | undefined {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  if (bytes.length < headerBytes || !bytes.subarray(0, 4).equals(magic)) return undefined
  const version = Number(bytes.readBigUInt64BE(12))
  if (!Number.isSafeInteger(version)) return undefined
  return { keyId: bytes.toString('hex', keyIdAt, 12), version }
}

export interface Plain {
  /** The name of the file. */
  readonly name: string
  readonly version: number
  readonly text: string
}

export function seal({ name, version, text }: Plain, key: VaultKey): Buffer {
  const header = Buffer.alloc(headerBytes)
  magic.copy(header)
  header.write(key.id, keyIdAt, 'hex')
  header.writeBigUInt64BE(BigInt(version), 12)
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key.secret, nonce, { authTagLength: tagBytes })
  cipher.setAAD(Buffer.concat([header, Buffer.from(name)]))
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([header, nonce, sealed, cipher.getAuthTag()])
}

/** Undefined if the bytes were not written by `seal` for this file with this key. */
export function unseal(file: Buffer, name: string, key: VaultKey): Plain | undefined {
  const header = readHeader(file)
  if (header?.keyId !== key.id) return undefined
  if (file.length < headerBytes + nonceBytes + tagBytes) return undefined
  const nonce = file.subarray(headerBytes, headerBytes + nonceBytes)
  const decipher = createDecipheriv('aes-256-gcm', key.secret, nonce, { authTagLength: tagBytes })
  decipher.setAAD(Buffer.concat([file.subarray(0, headerBytes), Buffer.from(name)]))
  decipher.setAuthTag(file.subarray(-tagBytes))
  try {
    const text = Buffer.concat([
      decipher.update(file.subarray(headerBytes + nonceBytes, -tagBytes)),
      decipher.final(),
    ])
    return { name, version: header.version, text: text.toString('utf8') }
  } catch {
    return undefined // the tag does not match
  }
}

/** Whether only the id of the key in the file's header is damaged: it is a file of this key all the same. */
export function isSealedWith(file: Buffer, name: string, key: VaultKey): boolean {
  if (readHeader(file) === undefined) return false
  const mended = Buffer.from(file)
  mended.write(key.id, keyIdAt, 'hex')
  return unseal(mended, name, key) !== undefined
}
