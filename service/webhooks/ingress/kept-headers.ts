/** Headers that prove who sent a request, or describe how it arrived. They say nothing about the event. */
const dropped: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-api-key',
  'x-real-ip',
])
const droppedPrefixes = ['x-forwarded-', 'x-original-', 'cf-', 'x-envoy-', 'x-amzn-', 'x-b3-']

/** The limit for a request: more headers are a flood. */
const maxHeaders = 100
const maxValueLength = 2_000

/**
 * The headers that are stored with a delivery, by their names in lower case. The signature itself is not: it
 * could be used again.
 */
export function keptHeaders(
  rawHeaders: readonly string[],
  signatureHeader: string,
): Readonly<Record<string, string>> {
  const kept = new Map<string, string>()
  for (let place = 0; place + 1 < rawHeaders.length; place += 2) {
    const name = (rawHeaders[place] ?? '').toLowerCase()
    if (isDropped(name, signatureHeader)) continue
    const value = (rawHeaders[place + 1] ?? '').slice(0, maxValueLength)
    const before = kept.get(name)
    if (before !== undefined) kept.set(name, `${before}, ${value}`.slice(0, maxValueLength))
    else if (kept.size < maxHeaders) kept.set(name, value)
  }
  return Object.fromEntries(kept)
}

/** Also the other signatures of a vendor that sends several, such as GitHub's older `x-hub-signature`. */
function isDropped(name: string, signatureHeader: string): boolean {
  if (name === signatureHeader || dropped.has(name) || name.includes('signature')) return true
  return droppedPrefixes.some((prefix) => name.startsWith(prefix))
}

/** All values of a header that came more than once, as `a, b`. */
export function headerOf(rawHeaders: readonly string[], name: string): string | undefined {
  let found: string | undefined
  for (let place = 0; place + 1 < rawHeaders.length; place += 2) {
    const header = rawHeaders[place] ?? ''
    if (header.length !== name.length || header.toLowerCase() !== name) continue
    const value = rawHeaders[place + 1] ?? ''
    found = found === undefined ? value : `${found}, ${value}`
  }
  return found
}
