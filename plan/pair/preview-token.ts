import { createHash } from 'node:crypto'
import type { PairPreview } from '../../engine/two-way/preview/preview-pair.ts'
import { canonicalJson } from '../../lib/text/canonical-json.ts'

/**
 * The token of a preview: SHA-256 over the file, all planned writes and all conflicts. It is valid as long as
 * a run would do exactly that.
 * @param fingerprint of the file
 */
export function previewToken(fingerprint: string, { streams }: PairPreview): string {
  const planned = streams.map(({ name, changes, conflicts, ambiguous }) => ({
    name,
    changes: sorted(changes),
    conflicts: sorted(conflicts),
    ambiguous: sorted(ambiguous),
  }))
  return createHash('sha256').update(canonicalJson({ fingerprint, planned })).digest('hex')
}

function sorted(items: readonly unknown[]): readonly string[] {
  return items.map((item) => canonicalJson(item)).toSorted()
}
