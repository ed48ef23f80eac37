import type { FileOptions } from '../row-files/file-options.ts'

/** A prefix of a bucket. Plain data: it crosses a thread. Holds secrets: never to be logged. */
export interface S3Config extends FileOptions {
  readonly type: 's3'
  readonly bucket: string
  /** Empty, or ends in a slash. */
  readonly prefix: string
  readonly region: string
  /** Absent: Amazon S3. */
  readonly endpoint?: string
  /** Default: true with an endpoint. */
  readonly pathStyle?: boolean
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}
