import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { StorageConfig } from '../../../storage/storage-config.ts'

/** The request as the server received it. */
export interface S3Request {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
}

interface Answer {
  readonly status: number
  readonly body?: Uint8Array | string
  readonly headers?: Readonly<Record<string, string>>
  /** The connection ends after so many bytes of the body. */
  readonly cutAfter?: number
}

interface S3Call {
  readonly method: string
  readonly bucket: string
  readonly key: string
  readonly body: Buffer
  readonly query: URLSearchParams
  readonly request: IncomingMessage
}

interface Upload {
  readonly bucket: string
  readonly key: string
  readonly parts: Map<number, Buffer>
}

const secretAccessKey = 'a secret access key of the tests'
const accessKeyId = 'reactor-connect'
const region = 'us-east-1'

/**
 * The part of S3 that Reactor Connect uses, in memory, on loopback. It checks the signature (version 4) and
 * the hash of the body.
 */
export class S3Server implements AsyncDisposable {
  readonly config: StorageConfig
  /** By bucket, then by key. */
  readonly buckets = new Map<string, Map<string, Buffer>>()
  readonly requests: S3Request[] = []
  /** As some servers do: a write with an unknown key is cut off before its body is read. */
  cutsUnknownKeys = false
  /** When objects were written, by their keys. Default: the start of 2026. */
  readonly modifiedMs = new Map<string, number>()
  /** A page of a list has no more. */
  pageKeys = 1_000
  /** Bodies of objects end after so many bytes, once each. */
  readonly cuts: number[] = []
  /** It takes writes whatever their condition, as old servers do. */
  ignoresConditions = false
  /** Uploads in parts that are not complete, by their ids. */
  readonly uploads = new Map<string, Upload>()
  /** Answers instead of the server; undefined: not this request. */
  onRequest: ((request: S3Request) => Answer | undefined) | undefined
  /** Answers in place of the server's answer, after it has done what was asked. */
  afterRequest: ((request: S3Request) => Answer | undefined) | undefined
  readonly #server: Server
  #uploadCount = 0

  private constructor(server: Server, url: string) {
    this.#server = server
    this.config = { url, bucket: 'reactor-connect', region, accessKeyId, secretAccessKey }
  }

  static async start(): Promise<S3Server> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const s3 = new S3Server(server, `http://127.0.0.1:${String(address.port)}`)
    server.on('request', (request, response) => {
      const isKnown = request.headers.authorization?.includes(`Credential=${accessKeyId}/`)
      if (s3.cutsUnknownKeys && request.method === 'PUT' && isKnown !== true) {
        request.socket.destroy()
        return
      }
      void buffer(request).then((body) => {
        const done = s3.#answer(request, body)
        const { method = 'GET', url = '/' } = request
        const seen = {
          method,
          path: new URL(url, s3.config.url).pathname,
          headers: request.headers,
        }
        const { status, body: answer, headers, cutAfter } = s3.afterRequest?.(seen) ?? done
        response.writeHead(status, headers)
        if (cutAfter === undefined) response.end(answer)
        else
          response.write(Buffer.from(answer ?? '').subarray(0, cutAfter), () => response.destroy())
      })
    })
    return s3
  }

  get objects(): ReadonlyMap<string, Buffer> {
    return this.buckets.get(this.config.bucket) ?? new Map<string, Buffer>()
  }

  #answer(request: IncomingMessage, body: Buffer): Answer {
    const { method = 'GET', url = '/' } = request
    const { pathname, searchParams } = new URL(url, this.config.url)
    const seen = { method, path: pathname, headers: request.headers }
    this.requests.push(seen)
    const refused = this.onRequest?.(seen) ?? signatureProblem(request, body)
    if (typeof refused === 'string') return failure(403, refused)
    if (refused !== undefined) return refused
    const [, bucket = '', ...rest] = pathname.split('/')
    const objects = this.buckets.get(bucket)
    const key = rest.map(decodeURIComponent).join('/')
    return this.#do(objects, { method, bucket, key, body, query: searchParams, request })
  }

  #do(objects: Map<string, Buffer> | undefined, call: S3Call): Answer {
    const { method, bucket, key, body, query, request } = call
    if (objects !== undefined && (query.has('uploads') || query.has('uploadId')))
      return this.#upload(objects, call)
    if (method === 'GET')
      return key === '' ? this.#list(objects, query) : this.#get(objects, key, request.headers)
    const problem = this.#conditionProblem(objects?.get(key), request.headers)
    if (problem !== undefined) return problem
    if (key !== '') return change(objects, { method, key, body })
    if (objects === undefined) this.buckets.set(bucket, new Map<string, Buffer>())
    return { status: 200 }
  }

  #conditionProblem(
    found: Buffer | undefined,
    headers: IncomingMessage['headers'],
  ): Answer | undefined {
    if (this.ignoresConditions) return undefined
    if (headers['if-none-match'] === '*' && found !== undefined)
      return failure(412, 'PreconditionFailed')
    const wanted = headers['if-match']
    if (wanted === undefined) return undefined
    if (found === undefined) return failure(404, 'NoSuchKey')
    return wanted === etagOf(found) ? undefined : failure(412, 'PreconditionFailed')
  }

  #upload(objects: Map<string, Buffer>, { method, bucket, key, body, query }: S3Call): Answer {
    if (method === 'GET') return this.#listUploads(bucket, query)
    const id = query.get('uploadId')
    if (id === null) {
      const begun = `upload-${String((this.#uploadCount += 1))}`
      this.uploads.set(begun, { bucket, key, parts: new Map() })
      return xml(
        `<InitiateMultipartUploadResult><UploadId>${begun}</UploadId></InitiateMultipartUploadResult>`,
      )
    }
    const upload = this.uploads.get(id)
    if (upload === undefined) return failure(404, 'NoSuchUpload')
    if (method === 'PUT') {
      upload.parts.set(Number(query.get('partNumber')), body)
      return { status: 200, headers: { etag: etagOf(body) } }
    }
    if (method === 'POST') {
      const parts = [...upload.parts].toSorted(([a], [b]) => a - b).map(([, bytes]) => bytes)
      if (parts.slice(0, -1).some(({ length }) => length < 5 * 1024 * 1024))
        return failure(400, 'EntityTooSmall')
      const named = [...body.toString().matchAll(/<ETag>(.*?)<\/ETag>/g)].map(([, etag = '']) =>
        etag.replaceAll('&quot;', '"'),
      )
      if (named.join() !== parts.map(etagOf).join()) return failure(400, 'InvalidPart')
      objects.set(upload.key, Buffer.concat(parts))
    }
    this.uploads.delete(id)
    return method === 'POST' ? xml('<CompleteMultipartUploadResult/>') : { status: 204 }
  }

  #listUploads(bucket: string, query: URLSearchParams): Answer {
    const found = [...this.uploads]
      .filter(([, upload]) => upload.bucket === bucket)
      .filter(([, { key }]) => key.startsWith(query.get('prefix') ?? ''))
      .map(
        ([id, { key }]) =>
          `<Upload><Key>${encodeURIComponent(key)}</Key><UploadId>${id}</UploadId></Upload>`,
      )
    return xml(
      `<ListMultipartUploadsResult><EncodingType>url</EncodingType>${found.join('')}<IsTruncated>false</IsTruncated></ListMultipartUploadsResult>`,
    )
  }

  #get(
    objects: ReadonlyMap<string, Buffer> | undefined,
    key: string,
    headers: IncomingMessage['headers'],
  ): Answer {
    const found = objects?.get(key)
    if (found === undefined)
      return failure(404, objects === undefined ? 'NoSuchBucket' : 'NoSuchKey')
    const etag = etagOf(found)
    if ((headers['if-match'] ?? etag) !== etag) return failure(412, 'PreconditionFailed')
    const [, from = '', to = ''] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
    const cutAfter = this.cuts.shift()
    const cut = cutAfter === undefined ? {} : { cutAfter }
    if (from === '') return { status: 200, body: found, headers: { etag }, ...cut }
    const body = found.subarray(Number(from), Number(to) + 1)
    const range = `bytes ${from}-${String(Number(from) + body.length - 1)}/${String(found.length)}`
    const sent = { etag, 'content-range': range, 'content-length': String(body.length) }
    return { status: 206, body, headers: sent, ...cut }
  }

  #list(objects: ReadonlyMap<string, Buffer> | undefined, query: URLSearchParams): Answer {
    if (objects === undefined) return failure(404, 'NoSuchBucket')
    const after = query.get('continuation-token') ?? ''
    const count = Math.min(this.pageKeys, Number(query.get('max-keys') ?? 1_000))
    const isEncoded = query.get('encoding-type') === 'url'
    const prefix = query.get('prefix') ?? ''
    const delimiter = query.get('delimiter')
    const all = [...objects.keys()].filter((key) => key.startsWith(prefix))
    const endOf = (key: string): number =>
      delimiter === null ? -1 : key.indexOf(delimiter, prefix.length)
    const prefixes = new Set(
      all.flatMap((key) => (endOf(key) === -1 ? [] : key.slice(0, endOf(key) + 1))),
    )
    const keys = all.filter((key) => endOf(key) === -1 && key > after).sort()
    const common = [...prefixes].map(
      (found) => `<CommonPrefixes><Prefix>${encodeURIComponent(found)}</Prefix></CommonPrefixes>`,
    )
    const contents = keys.slice(0, count).map((key) => {
      const shown = isEncoded ? encodeURIComponent(key).replaceAll('%20', '+') : key
      const bytes = objects.get(key) ?? Buffer.alloc(0)
      const modified = new Date(this.modifiedMs.get(key) ?? Date.UTC(2026, 0, 1)).toISOString()
      return `<Contents><Key>${shown}</Key><LastModified>${modified}</LastModified><ETag>${etagOf(bytes).replaceAll('"', '&#34;')}</ETag><Size>${String(bytes.length)}</Size></Contents>`
    })
    const last = keys.at(count - 1) ?? ''
    const next = keys.length > count ? `<NextContinuationToken>${last}</NextContinuationToken>` : ''
    const encoding = isEncoded ? '<EncodingType>url</EncodingType>' : ''
    return {
      status: 200,
      body: `<ListBucketResult>${encoding}${contents.join('')}${common.join('')}${next}</ListBucketResult>`,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function change(
  objects: Map<string, Buffer> | undefined,
  { method, key, body }: { readonly method: string; readonly key: string; readonly body: Buffer },
): Answer {
  if (objects === undefined) return failure(404, 'NoSuchBucket')
  if (method === 'PUT') {
    objects.set(key, body)
    return { status: 200 }
  }
  objects.delete(key)
  return { status: 204 }
}

function xml(body: string): Answer {
  return { status: 200, body }
}

function etagOf(bytes: Uint8Array): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`
}

function failure(status: number, code: string): Answer {
  return {
    status,
    body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>it says ${code}</Message></Error>`,
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
function signatureProblem(request: IncomingMessage, body: Buffer): string | undefined {
  const { headers } = request
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    )
  if (parts === null) return 'AccessDenied'
  const [, keyId, day = '', signedRegion = '', names = '', signature] = parts
  if (keyId !== accessKeyId) return 'InvalidAccessKeyId'
  if (signedRegion !== region) return 'AuthorizationHeaderMalformed'
  if (isSkewed(headers['x-amz-date'])) return 'RequestTimeTooSkewed'
  const bodyHash = createHash('sha256').update(body).digest('hex')
  if (headers['x-amz-content-sha256'] !== bodyHash) return 'XAmzContentSHA256Mismatch'
  if (!names.split(';').includes('x-amz-content-sha256')) return 'AccessDenied'
  const canonical = canonicalText(request, { names, bodyHash })
  const scope = `${day}/${signedRegion}/s3/aws4_request`
  const canonicalHash = createHash('sha256').update(canonical).digest('hex')
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, canonicalHash].join('\n')
  const hmac = (key: string | Buffer, text: string): Buffer =>
    createHmac('sha256', key).update(text).digest()
  const key = [signedRegion, 's3', 'aws4_request'].reduce(hmac, hmac(`AWS4${secretAccessKey}`, day))
  return hmac(key, toSign).toString('hex') === signature ? undefined : 'SignatureDoesNotMatch'
}

/** By the clock of the machine, also if a test has set that of JavaScript. */
function isSkewed(date: string | string[] | undefined): boolean {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(date)) ?? []
  const sent = Date.parse(
    `${String(year)}-${String(month)}-${String(day)}T${String(hour)}:${String(minute)}:${String(second)}Z`,
  )
  const nowMs = performance.timeOrigin + performance.now()
  return !(Math.abs(sent - nowMs) < 15 * 60_000)
}

function canonicalText(
  { headers, method = '', url = '' }: IncomingMessage,
  { names, bodyHash }: { readonly names: string; readonly bodyHash: string },
): string {
  const { pathname, searchParams } = new URL(url, 'http://s3')
  const query = [...searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join('&')
  const signedHeaders = names.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`)
  return [method, pathname, query, signedHeaders.join(''), names, bodyHash].join('\n')
}
