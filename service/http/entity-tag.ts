import { z } from 'zod'
import { requestInvalid } from './error-answer.ts'

/** The ETag of a kept thing: its version. */
export function entityTag({ version }: { readonly version: number }): string {
  return `"${version}"`
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
  const [, version] = /^"(\d{1,15})"$/.exec(tag) ?? []
  if (version === undefined) throw requestInvalid(['headers/if-match: is not an ETag of this API'])
  return Number(version)
}
