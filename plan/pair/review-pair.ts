import { hasLinks } from '../../engine/two-way/postgres/postgres-link-store.ts'
import {
  ReviewStore,
  type OpenReview,
  type RecordEvent,
} from '../../engine/two-way/postgres/review-store.ts'
import { TwoWaySession } from '../../engine/two-way/postgres/two-way-session.ts'
import { ConnectError, type JsonValue } from '../../protocol/index.ts'
import { otherSide, type SideName, type Values } from '../../sinks/two-way/link.ts'
import type { LoadedPairFile } from '../pair-file/load-pair-file.ts'
import { openPairFile, type OpenPairFile, type PairPorts } from './open-pair-file.ts'

/** The things that wait for a person, the oldest first. */
export async function listReviews(
  file: LoadedPairFile,
  { logger }: PairPorts,
): Promise<readonly OpenReview[]> {
  await using session = new TwoWaySession(file.linksDatabase, logger)
  return (await hasLinks(session)) ? await new ReviewStore(session, file.name).list() : []
}

export interface ReviewDetails {
  readonly review: OpenReview
  /** An ambiguous record itself, and the records that it could belong to. */
  readonly candidates: readonly ReviewedRecord[]
}

export interface ReviewedRecord {
  readonly side: SideName
  readonly record: string
  /** Null: it is not there any more. */
  readonly values: Values | null
}

/** Throws `pair_review_unknown`. */
export async function showReview(
  file: LoadedPairFile,
  id: string,
  ports: PairPorts,
): Promise<ReviewDetails> {
  await using open = await openPairFile(file, ports)
  const reviews = new ReviewStore(open.session, file.name)
  const review = (await hasLinks(open.session)) ? await reviews.find(id) : undefined
  if (review === undefined) throw unknownReview(file, id)
  if (review.kind !== 'ambiguous') return { review, candidates: [] }
  return { review, candidates: await ambiguousRecords(open, reviews, review) }
}

async function ambiguousRecords(
  open: OpenPairFile,
  reviews: ReviewStore,
  { stream, record_a: recordA, record_b: recordB }: OpenReview,
): Promise<readonly ReviewedRecord[]> {
  const side: SideName = recordA === null ? 'b' : 'a'
  const own = await readRecords(open, { stream, side, records: [recordA ?? recordB ?? ''] })
  const { matchField = '' } = open.file.streams.find(({ name }) => name === stream) ?? {}
  const values = own.flatMap((record) => textOf(record.values?.[matchField]) ?? [])
  if (values.length === 0) return own
  const other = otherSide(side)
  const matches = await open.sides[other].findByField(stream, matchField, values)
  const free: string[] = []
  for (const { id } of matches) {
    const links = await reviews.linksOf(stream, other, id)
    if (links.every(({ status }) => status === 'ambiguous')) free.push(id)
  }
  return [...own, ...(await readRecords(open, { stream, side: other, records: free }))]
}

async function readRecords(
  open: OpenPairFile,
  {
    stream,
    side,
    records,
  }: { readonly stream: string; readonly side: SideName; readonly records: readonly string[] },
): Promise<readonly ReviewedRecord[]> {
  const found = await open.sides[side].read(stream, records)
  return records.map((record, index) => {
    const read = found[index]?.read
    return { side, record, values: read?.found === 'present' ? read.values : null }
  })
}

function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' ? value : undefined
}

/** The decision of a person. */
export type Resolution =
  /** A conflict: this side wins. */
  | { readonly kind: 'winner'; readonly side: SideName }
  /** An ambiguous record belongs to this one of the other side. */
  | { readonly kind: 'join'; readonly record: string }
  /** An ambiguous record has no counterpart: it is created on the other side, if creating is allowed. */
  | { readonly kind: 'create' }
  /** It is never carried. */
  | { readonly kind: 'separate' }
  /** A quarantined or refused record is written again. */
  | { readonly kind: 'release' }

/**
 * Stores a decision; the next run carries it out. Throws `pair_review_unknown`, `pair_review_invalid`, and
 * `pair_busy` while a run is at work.
 */
export async function resolveReview(
  file: LoadedPairFile,
  { id, resolution }: { readonly id: string; readonly resolution: Resolution },
  ports: PairPorts,
): Promise<OpenReview> {
  await using open = await openPairFile(file, ports)
  const reviews = new ReviewStore(open.session, file.name)
  const review = (await hasLinks(open.session)) ? await reviews.find(id) : undefined
  if (review === undefined) throw unknownReview(file, id)
  if (!fitting[review.kind].includes(resolution.kind))
    throw invalid(id, `it is ${kindTexts[review.kind]}`, `Use ${flagTexts[review.kind]}.`)
  if (resolution.kind === 'join') await assertPresent(open, review, resolution.record)
  await carryOut(reviews, review, resolution)
  return review
}

/** A record that is not there would count as deleted. */
async function assertPresent(
  open: OpenPairFile,
  { id, stream, record_a: recordA }: OpenReview,
  record: string,
): Promise<void> {
  const side: SideName = recordA === null ? 'a' : 'b'
  const [found] = await open.sides[side].read(stream, [record])
  if (found?.read.found === 'present') return
  const fix = `Run \`reactor connect pair review show\` with the file and ${id}: it shows the records that are free.`
  throw invalid(id, `side ${side} has no record ${record}`, fix)
}

const fitting: Readonly<Record<OpenReview['kind'], readonly Resolution['kind'][]>> = {
  conflict: ['winner'],
  ambiguous: ['join', 'create', 'separate'],
  quarantined: ['release', 'separate'],
  refused: ['release', 'separate'],
}
const kindTexts: Readonly<Record<OpenReview['kind'], string>> = {
  conflict: 'a conflict between two values',
  ambiguous: 'a record with several possible counterparts',
  quarantined: 'a record that was written too often',
  refused: 'a record whose write a side refused',
}
const flagTexts: Readonly<Record<OpenReview['kind'], string>> = {
  conflict: '`--winner a` or `--winner b`',
  ambiguous: '`--link RECORD`, `--create` or `--separate`',
  quarantined: '`--release` or `--separate`',
  refused: '`--release` or `--separate`',
}

async function carryOut(
  reviews: ReviewStore,
  review: OpenReview,
  resolution: Resolution,
): Promise<void> {
  switch (resolution.kind) {
    case 'winner':
      await reviews.decide(review.id, resolution.side)
      return
    case 'join':
      await join(reviews, review, resolution.record)
      return
    case 'create':
    case 'release':
      await reviews.setStatus(review.link, 'linked')
      return
    case 'separate':
      await reviews.setStatus(review.link, 'unlinked')
  }
}

async function join(reviews: ReviewStore, review: OpenReview, record: string): Promise<void> {
  const side: SideName = review.record_a === null ? 'a' : 'b'
  const links = await reviews.linksOf(review.stream, side, record)
  if (links.some(({ status }) => status === 'linked' || status === 'quarantined'))
    throw invalid(
      review.id,
      `record ${record} of side ${side} is linked with another record`,
      `Run \`reactor connect pair review show\` with the file and ${review.id}: it shows the records that are free.`,
    )
  await reviews.join(review.link, side, record)
}

function unknownReview({ name: pair }: LoadedPairFile, id: string): ConnectError {
  return new ConnectError('pair_review_unknown', { details: { pair, id } })
}

function invalid(id: string, problem: string, fix: string): ConnectError {
  return new ConnectError('pair_review_invalid', { details: { id, problem, fix } })
}

/** The writes and conflicts of a record, the oldest first. */
export async function recordHistory(
  file: LoadedPairFile,
  {
    stream,
    side,
    record,
  }: { readonly stream: string; readonly side: SideName; readonly record: string },
  { logger }: PairPorts,
): Promise<readonly RecordEvent[]> {
  await using session = new TwoWaySession(file.linksDatabase, logger)
  if (!(await hasLinks(session))) return []
  return await new ReviewStore(session, file.name).history(stream, side, record)
}
