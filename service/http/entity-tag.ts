import { createHash } from 'node:crypto'
import { z } from 'zod'
import { requestInvalid } from './error-answer.ts'

/** The ETag of a kept thing: its version. */
export function entityTag({ version }: { readonly version: number }): string {
  return `"${version}"`
}

/** The ETag of a document that says more than the kept thing's version does: `"3-vJ1cVg5c2b8"`. `If-Match` takes its version. */
export function documentTag(document: { readonly version: number }): string {
  const hash = createHash('sha256').update(JSON.stringify(document)).digest('base64url')
  return `"${document.version}-${hash.slice(0, 11)}"`
}

export const ifNoneMatchHeaders = z.looseObject({
  'if-none-match': z.string().max(1000).optional().meta({
    description:
      'ETags that the client has: where one is still right, the answer is 304 without a body.',
  }),
})

export const unchanged = z
  .null()
  .meta({ description: 'The ETag of `If-None-Match` is still right.' })

/** Whether the client has what it asks for already (RFC 9110, 13.1.2). */
export function isUnchanged(headers: z.output<typeof ifNoneMatchHeaders>, tag: string): boolean {
  const known = headers['if-none-match']?.split(',').map((one) => one.trim().replace(/^W\//, ''))
  return known !== undefined && (known.includes(tag) || known.includes('*'))
}

export const ifMatchHeaders = z.looseObject({
  'if-match': z.string().max(64).optional().meta({
    description:
      'The ETag of what the change is based on. Where the thing has changed since: 412 `version_conflict`. Left out or `*`: overwrite.',
  }),
})

/** The version that `If-Match` names; undefined where it is left out or any will do. */
export function versionOf(headers: z.output<typeof ifMatchHeaders>): number | undefined {
  const tag = headers['if-match']
  if (tag === undefined || tag === '*') return undefined
  const [, version] = /^"(\d{1,15})(?:-[\w-]{11})?"$/.exec(tag) ?? []
  if (version === undefined) throw requestInvalid(['headers/if-match: is not an ETag of this API'])
  return Number(version)
}
