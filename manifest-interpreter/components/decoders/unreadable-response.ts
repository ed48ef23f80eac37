import { isUtf8 } from 'node:buffer'
import { SourceError } from '../../source-error.ts'
import { header } from '../../http/prepare-request.ts'
import { publicUrl } from '../../http/split-url.ts'
import { dumpJson } from '../../value/json-dumps.ts'
import type { Environment } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { Value } from '../../value/value.ts'

/**
 * Receives a response that is read as no records: its body is not in the format of the decoder, or is a JSON
 * value that holds none. Throws if such a response fails its slice.
 */
export type ReportUnreadable = (response: HttpResponse, unreadable: UnreadableBody) => void

type UnreadableBody =
  | { readonly format: 'JSON' | 'JSON lines' | 'XML'; readonly body: Uint8Array }
  /** `null`, `false`, zero, or an empty text. */
  | { readonly value: Value }

/** The way to say that a response of a stream could not be read. Each response is said once. */
export function unreadableReport(
  { environment }: { readonly environment: Pick<Environment, 'emit' | 'unreadableAnswers'> },
  stream: string,
): ReportUnreadable {
  const reported = new WeakSet<HttpResponse>()
  return (response, unreadable) => {
    if (!response.ok || response.isIgnored || reported.has(response)) return
    if ('body' in unreadable && unreadable.body.length === 0 && mayLackBody(response)) return
    reported.add(response)
    const request = `${response.request?.method ?? 'GET'} ${publicUrl(response.url)}`
    const type = response.headers.text('content-type') ?? 'no content type'
    const found =
      'value' in unreadable
        ? `the JSON value ${dumpJson(unreadable.value)}, which holds no records (${type})`
        : `no ${unreadable.format} (${type}, ${beginningOf(unreadable.body)})`
    environment.emit({ kind: 'unreadable', stream, request, found })
    if (environment.unreadableAnswers === 'fail')
      throw new SourceError(`The response to ${request} was ${found}.`, {
        failureType: 'transient_error',
        isUnreadableAnswer: true,
      })
  }
}

/** 204 and 205 have no body, and neither has 304, which only follows a request for changes. */
function mayLackBody({ status, request }: HttpResponse): boolean {
  if (status === 204 || status === 205) return true
  if (status !== 304 || request === undefined) return false
  return ['if-none-match', 'if-modified-since'].some(
    (name) => header(request.headers, name) !== undefined,
  )
}

const shownBytes = 64

/** Shows only the name of a body's first tag, never a part of a record. */
function beginningOf(body: Uint8Array): string {
  const text = new TextDecoder().decode(body.subarray(0, shownBytes)).trimStart()
  if (text === '' && body.length <= shownBytes) return 'empty'
  const [tag] = /^<[!?]?[a-z]+(?: html)?/i.exec(text) ?? []
  if (tag !== undefined) return `begins with ${tag}`
  if (text.startsWith('\u{feff}')) return 'begins with a byte order mark'
  if (!/^[[{]/.test(text)) return 'begins as plain text'
  return `begins like JSON, and is ${isUtf8(body) ? 'cut or broken' : 'not in UTF-8'}`
}
