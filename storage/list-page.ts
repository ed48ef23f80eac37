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
  return (key) => (isEncoded ? decodeURIComponent(key.replaceAll('+', ' ')) : key)
}

/** The text of the first element with this name. */
export function textIn(xml: string, element: string): string | undefined {
  const text = new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1]
  return text?.replaceAll(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (entity, decimal, hex, name) => {
    if (typeof decimal === 'string') return String.fromCodePoint(Number(decimal))
    if (typeof hex === 'string') return String.fromCodePoint(Number.parseInt(hex, 16))
    return entities[String(name)] ?? entity
  })
}
