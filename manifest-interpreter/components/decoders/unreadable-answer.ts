import { publicUrl } from '../../http/split-url.ts'
import type { Environment } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'

/** Told of a body that is read as no records because it is not in the format of its decoder. */
export type ReportUnreadable = (
  response: HttpResponse,
  unreadable: { readonly format: 'JSON' | 'JSON lines' | 'XML'; readonly body: Uint8Array },
) => void

/** With these there is no body. */
const bodilessStatuses: ReadonlySet<number> = new Set([204, 205, 304])

/** The way to say that an answer of a stream could not be read. Each answer is said once. */
export function unreadableReport(
  { environment }: { readonly environment: Pick<Environment, 'emit'> },
  stream: string,
): ReportUnreadable {
  const reported = new WeakSet<HttpResponse>()
  return (response, { format, body }) => {
    if (!response.ok || response.isIgnored || reported.has(response)) return
    if (body.length === 0 && bodilessStatuses.has(response.status)) return
    reported.add(response)
    const request = `${response.request?.method ?? 'GET'} ${publicUrl(response.url)}`
    const type = response.headers.text('content-type') ?? 'no content type'
    const found = `no ${format} (${type}, ${beginningOf(body)})`
    environment.emit({ kind: 'unreadable', stream, request, found })
  }
}

const shownBytes = 64

/** Never a part of a record: of a body, only the name of a first tag is shown. */
function beginningOf(body: Uint8Array): string {
  const text = new TextDecoder().decode(body.subarray(0, shownBytes)).trimStart()
  if (text === '' && body.length <= shownBytes) return 'empty'
  const [tag] = /^<[!?]?[a-z]+(?: html)?/i.exec(text) ?? []
  if (tag !== undefined) return `begins with ${tag}`
  if (text.startsWith('\u{feff}')) return 'begins with a byte order mark'
  return /^[[{]/.test(text) ? 'begins like JSON, and is cut or broken' : 'begins as plain text'
}
