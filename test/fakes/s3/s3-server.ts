import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { StorageConfig } from '../../../engine/log/stored/storage-config.ts'

/** The request as the server received it. */
export interface S3Request {
  readonly method: string
  readonly path: string
}

interface Answer {
  readonly status: number
  readonly body?: Uint8Array | string
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
  /** Answers instead of the server; undefined: not this request. */
  onRequest: ((request: S3Request) => Answer | undefined) | undefined
  readonly #server: Server

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
        const { status, body: answer } = s3.#answer(request, body)
        response.writeHead(status).end(answer)
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
    const seen = { method, path: pathname }
    this.requests.push(seen)
    const refused = this.onRequest?.(seen) ?? signatureProblem(request, body)
    if (typeof refused === 'string') return failure(403, refused)
    if (refused !== undefined) return refused
    const [, bucket = '', ...rest] = pathname.split('/')
    const objects = this.buckets.get(bucket)
    if (rest.length > 0) return change(objects, { method, key: rest.join('/'), body })
    if (method === 'GET') return list(objects, searchParams.get('prefix') ?? '')
    if (objects === undefined) this.buckets.set(bucket, new Map<string, Buffer>())
    return { status: 200 }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function list(objects: ReadonlyMap<string, Buffer> | undefined, prefix: string): Answer {
  if (objects === undefined) return failure(404, 'NoSuchBucket')
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort()
  const contents = keys.slice(0, 1_000).map((key) => `<Contents><Key>${key}</Key></Contents>`)
  return { status: 200, body: `<ListBucketResult>${contents.join('')}</ListBucketResult>` }
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
  const found = objects.get(key)
  if (method === 'DELETE') {
    objects.delete(key)
    return { status: 204 }
  }
  return found === undefined ? failure(404, 'NoSuchKey') : { status: 200, body: found }
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
