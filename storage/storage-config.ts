/** A bucket of the Storage service, or of any other with the S3 API. Holds a secret: never to be logged. */
export interface StorageConfig {
  /** Without a slash at its end. */
  readonly url: string
  readonly bucket: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** The defaults of the fields that need not be set. */
export const storageDefaults = {
  bucket: 'reactor-connect',
  region: 'us-east-1',
  accessKeyId: 'reactor-connect',
} as const

/** An object, and what it must hold. */
export interface StoredObject {
  readonly bucket: string
  readonly key: string
  /** Its size. */
  readonly bytes: number
  /** Hexadecimal. */
  readonly sha256: string
}
