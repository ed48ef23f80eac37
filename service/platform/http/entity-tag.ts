import { createHash } from 'node:crypto'
import { z } from 'zod'
import { ConnectError } from '../../../protocol/index.ts'
import { requestInvalid } from './error-response.ts'

/** The ETag of a stored resource: its version. */
export function entityTag({ version }: { readonly version: number }): string {
  return `"${version}"`
}

/**
 * The ETag of a document that depends on more than the resource's version: `"3-vJ1cVg5c2b8"`. `If-Match` uses
 * its version.
 */
export function documentTag(document: { readonly version: number }): string {
  const hash = createHash('sha256').update(JSON.stringify(document)).digest('base64url')
  return `"${document.version}-${hash.slice(0, 11)}"`
}

export const ifNoneMatchHeaders = z.looseObject({
  'if-none-match': z.string().max(1000).optional().meta({
    description:
      'ETags that the client has: if one is still current, the response is 304 without a body.',
  }),
})

export const unchanged = z
  .null()
  .meta({ description: 'The ETag of `If-None-Match` is still current.' })

/** Whether the client already has the response (RFC 9110, 13.1.2). */
export function isUnchanged(headers: z.output<typeof ifNoneMatchHeaders>, tag: string): boolean {
  const known = headers['if-none-match']
    ?.split(',')
    .map((entry) => entry.trim().replace(/^W\//, ''))
  return known !== undefined && (known.includes(tag) || known.includes('*'))
}

export const ifMatchHeaders = z.looseObject({
  'if-match': z.string().max(1000).optional().meta({
    description:
      'ETags that the change may be based on. If none of them is current: 412 `version_conflict`. Left out or `*`: overwrite.',
  }),
})

/**
 * The version that a change may be applied to (RFC 9110, 13.1.1); undefined if `If-Match` is left out, or
 * allows any. Only if there are several tags, or an unknown one, the resource before the change is needed to
 * find the right one. Throws `version_conflict` if none matches.
 */
export async function versionToChange(
  headers: z.output<typeof ifMatchHeaders>,
  kind: 'Instance' | 'Connection' | 'Receiver',
  current: () => Promise<{ readonly name: string; readonly version: number }>,
): Promise<number | undefined> {
  const header = headers['if-match']?.trim()
  if (header === undefined || header === '*') return undefined
  const tags = tagsIn(header)
  const versions = tags.flatMap((tag) => versionOf(tag) ?? [])
  const [version] = versions
  if (tags.length === 1 && version !== undefined) return version
  const { name, version: actual } = await current()
  if (versions.includes(actual)) return actual
  const isWeak = tags.some((tag) => tag.startsWith('W/'))
  const expected = `one that If-Match names${isWeak ? ' (a weak tag, W/"…", matches none)' : ''}`
  throw new ConnectError('version_conflict', { details: { kind, name, actual, expected } })
}

const tagPattern = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g

function tagsIn(header: string): readonly string[] {
  const tags = header.match(tagPattern) ?? []
  // A tag may contain a comma, and a list may have empty items.
  const places = header.replace(tagPattern, 'tag').split(',')
  const isList = places.every((place) => ['tag', ''].includes(place.trim()))
  if (tags.length === 0 || !isList)
    throw requestInvalid(['headers/if-match: is not a list of ETags, such as "3", "4"'])
  return tags
}

/** The version in a strong tag of this API. */
function versionOf(tag: string): number | undefined {
  const [, version] = /^"(\d{1,15})(?:-[\w-]{11})?"$/.exec(tag) ?? []
  return version === undefined ? undefined : Number(version)
}
