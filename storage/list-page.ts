import { BucketError } from './bucket-client.ts'

/** An object as a list shows it. */
export interface ListedObject {
  readonly key: string
  readonly size: number
  /** Names this version of it. */
  readonly etag: string
  readonly modifiedMs: number
}

export interface ListPage {
  readonly objects: readonly ListedObject[]
  /** Beginnings of keys up to the delimiter, if one was asked for. */
  readonly prefixes: readonly string[]
  /** Continues the list; undefined at its end. */
  readonly next: string | undefined
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  apos: "'",
  gt: '>',
  lt: '<',
  quot: '"',
}

/** Reads a response of ListObjectsV2. What ends in a slash stands for a folder, and is left out. */
export function parseListPage(xml: string): ListPage {
  // A proxy, or the console of a server, answers a page of its own: it must not look like an empty bucket.
  if (!xml.includes('<ListBucketResult')) throw invalidList('no ListBucketResult')
  const decode = keyDecoder(xml)
  const objects = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, content = '']) => {
    return {
      key: decode(textIn(content, 'Key') ?? ''),
      size: Number(textIn(content, 'Size') ?? 0),
      etag: textIn(content, 'ETag') ?? '',
      modifiedMs: Date.parse(textIn(content, 'LastModified') ?? ''),
    }
  })
  const prefixes = [...xml.matchAll(/<CommonPrefixes>(.*?)<\/CommonPrefixes>/gs)]
  return {
    prefixes: prefixes.map(([, content = '']) => decode(textIn(content, 'Prefix') ?? '')),
    objects: objects.filter(({ key }) => !key.endsWith('/')),
    next: textIn(xml, 'NextContinuationToken'),
  }
}

/** An upload in parts that is not complete. */
export interface OpenUpload {
  readonly key: string
  readonly uploadId: string
}

/** Reads a response of ListMultipartUploads. `next`: the markers that continue the list. */
export function parseUploadsPage(xml: string): {
  readonly uploads: readonly OpenUpload[]
  readonly next: Readonly<Record<'key-marker' | 'upload-id-marker', string>> | undefined
} {
  const decode = keyDecoder(xml)
  const uploads = [...xml.matchAll(/<Upload>(.*?)<\/Upload>/gs)].map(([, content = '']) => ({
    key: decode(textIn(content, 'Key') ?? ''),
    uploadId: textIn(content, 'UploadId') ?? '',
  }))
  if (textIn(xml, 'IsTruncated') !== 'true') return { uploads, next: undefined }
  const next = {
    'key-marker': decode(textIn(xml, 'NextKeyMarker') ?? ''),
    'upload-id-marker': textIn(xml, 'NextUploadIdMarker') ?? '',
  }
  return { uploads, next }
}

function keyDecoder(xml: string): (key: string) => string {
  const isEncoded = xml.includes('<EncodingType>url</EncodingType>')
  return (key) => (isEncoded ? decodedKey(key) : key)
}

function decodedKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    throw invalidList(`the key ${key.slice(0, 200)}, which is not encoded as a URL`)
  }
}

/** Throws `BucketError` if the list does not say the size and the time of an object. */
export function requireWhole({ key, size, modifiedMs }: ListedObject): void {
  if (!Number.isSafeInteger(size) || size < 0)
    throw invalidList(`the object ${key} with a size that is no number`)
  if (!(Math.abs(modifiedMs) <= lastMs))
    throw invalidList(`the object ${key} with a time of modification (LastModified) that is none`)
}

/** The last year that ISO 8601 has without a sign. */
const lastMs = Date.UTC(9999, 11, 31)

/** `contents` completes "its list of objects has …". */
export function invalidList(contents: string): BucketError {
  return new BucketError({
    reason: `its list of objects has ${contents}`,
    code: 'InvalidList',
    isFinal: true,
  })
}

/** The text of the first element with this name. */
export function textIn(xml: string, element: string): string | undefined {
  const text = new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1]
  return text?.replaceAll(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (entity, decimal, hex, name) => {
    if (typeof decimal === 'string') return characterOf(Number(decimal)) ?? entity
    if (typeof hex === 'string') return characterOf(Number.parseInt(hex, 16)) ?? entity
    return entities[String(name)] ?? entity
  })
}

function characterOf(code: number): string | undefined {
  return code <= 0x10_ff_ff ? String.fromCodePoint(code) : undefined
}
