import type { StreamCounts } from '../../engine/two-way/pair-types.ts'
import type { PairReport } from '../../engine/two-way/sync-pair.ts'
import type { StreamPreview } from '../../engine/two-way/preview/preview-pair.ts'
import type { LoadedPairFile } from '../../plan/pair-file/load-pair-file.ts'
import type { PairRound, PreviewedPair } from '../../plan/pair/run-pair.ts'
import { otherSide } from '../../sinks/two-way/link.ts'

export interface PreviewFacts extends PreviewedPair {
  /** The file as the user named it. */
  readonly path: string
  readonly file: LoadedPairFile
}

/** The preview, for programs. docs/two-way.md describes the fields. */
export function previewDocument({ file, preview, token }: PreviewFacts): object {
  return {
    pair: file.name,
    sides: { a: file.sides.a.place, b: file.sides.b.place },
    token,
    token_needed: tokenReasons({ file, preview }),
    streams: preview.streams.map(streamDocument),
  }
}

function streamDocument(stream: StreamPreview): object {
  return {
    name: stream.name,
    first_alignment: stream.isFirst,
    counts: countsDocument(stream.counts),
    changes: stream.changes,
    conflicts: stream.conflicts.map(({ records, field, rule, winner, values }) => ({
      ...{ records, field, rule, winner, values },
      loser: winner === null ? null : otherSide(winner),
      lost: winner === null ? null : values[otherSide(winner)],
    })),
    ambiguous_records: stream.ambiguous,
    held_deletes_on: stream.heldDeletes,
  }
}

/** Why a run needs the token: without it, it does nothing, or leaves deletions out. */
export function tokenReasons({
  file,
  preview,
}: Pick<PreviewFacts, 'file' | 'preview'>): readonly string[] {
  const created = preview.streams
    .filter(({ isFirst }) => isFirst)
    .reduce((sum, { counts }) => sum + counts.created, 0)
  return [
    ...(created > file.createLimit
      ? [
          `the first alignment creates ${String(created)} records, more than create_limit (${String(file.createLimit)})`,
        ]
      : []),
    ...preview.streams.flatMap(({ name, heldDeletes }) =>
      heldDeletes.map(
        (side) => `${name}: side ${side} would lose more records than delete_limit allows`,
      ),
    ),
  ]
}

export function reportDocument(pair: string, report: PairRound): object {
  const { status, streams } = roundDocument(pair, report)
  return { pair, status, open_reviews: report.openReviews, streams }
}

/** A round of a run without end. */
export function roundDocument(
  pair: string,
  { streams, isStopped }: PairReport,
): { readonly pair: string; readonly status: string; readonly streams: readonly object[] } {
  return {
    pair,
    status: isStopped ? 'stopped' : 'complete',
    streams: [...streams].map(([name, counts]) => ({ name, counts: countsDocument(counts) })),
  }
}

function countsDocument(counts: StreamCounts): object {
  const { created, updated, deleted, conflicts, reviews, ambiguous, unmatched, refused } = counts
  const { quarantined, heldDeletes, changed, unknown } = counts
  return {
    ...{
      created,
      updated,
      deleted,
      conflicts,
      reviews,
      ambiguous,
      unmatched,
      refused,
      quarantined,
    },
    ...{ held_deletes: heldDeletes, changed, unknown },
  }
}
