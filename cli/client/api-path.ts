import { ConnectError } from '../../protocol/index.ts'

/** `/connect/v1/…` from names that a user gave: each is one segment, whatever it contains. Throws `usage`. */
export function apiPath(...segments: readonly string[]): string {
  return `/connect/v1/${segments.map(encodeSegment).join('/')}`
}

function encodeSegment(segment: string): string {
  // `URL` treats these as path navigation, not as names.
  if (segment !== '' && segment !== '.' && segment !== '..') return encodeURIComponent(segment)
  const problem = `"${segment}" is not a valid name`
  const fix = 'Names have letters, digits, `-` and `_`.'
  throw new ConnectError('usage', { details: { problem, fix } })
}
