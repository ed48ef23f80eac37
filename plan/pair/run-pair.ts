import { PostgresLinkStore, hasLinks } from '../../engine/two-way/postgres/postgres-link-store.ts'
import { ReviewStore } from '../../engine/two-way/postgres/review-store.ts'
import {
  isFirstAlignment,
  previewPair,
  type PairPreview,
} from '../../engine/two-way/preview/preview-pair.ts'
import { syncPair, type PairReport } from '../../engine/two-way/sync-pair.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { LoadedPairFile } from '../pair-file/load-pair-file.ts'
import {
  openPairFile,
  storedLinks,
  temporaryLinks,
  type OpenPairFile,
  type PairPorts,
} from './open-pair-file.ts'
import { previewToken } from './preview-token.ts'

export interface PreviewedPair {
  readonly preview: PairPreview
  readonly token: string
}

/** Everything that a run would do now. Writes nothing. */
export async function previewPairFile(
  file: LoadedPairFile,
  ports: PairPorts,
): Promise<PreviewedPair> {
  await using open = await openPairFile(file, ports)
  return await previewOpen(open)
}

async function previewOpen(open: OpenPairFile): Promise<PreviewedPair> {
  const preview = await previewPair(open.context(await temporaryLinks(open)))
  return { preview, token: previewToken(open.file.fingerprint, preview) }
}

export interface PairRound extends PairReport {
  /** All that wait for a person, also those of earlier rounds. */
  readonly openReviews: number
}

/**
 * One round of a pair.
 * @param token of a preview: the round does what that showed, also deletions above the limit. Throws
 * `pair_token_invalid` if it would do something else, and without a token `pair_token_required` if it is a
 * first alignment that creates too much. Nothing was written then.
 */
export async function runPairFile(
  file: LoadedPairFile,
  { token }: { readonly token: string | undefined },
  ports: PairPorts,
): Promise<PairRound> {
  await using open = await openPairFile(file, ports)
  await checkBegin(token, open)
  const context = open.context(await storedLinks(open))
  const options = { ...context.options, allowsDeletes: token !== undefined }
  const report = await syncPair({ ...context, options }, { finds: 'sweep' })
  const openReviews = await new ReviewStore(open.session, file.name).count()
  return { ...report, openReviews }
}

/** Throws if a round that begins now needs a token, or another one. */
export async function checkBegin(token: string | undefined, open: OpenPairFile): Promise<void> {
  if (token !== undefined) await checkToken(token, open)
  else await checkFirstAlignment(open)
}

async function checkToken(token: string, open: OpenPairFile): Promise<void> {
  if (!/^[0-9a-f]{64}$/.test(token))
    throw invalidToken('it is not one that a preview printed (64 digits from 0 to f)')
  const planned = await previewOpen(open)
  if (planned.token !== token)
    throw invalidToken('the file, or the records that it would change, have changed since')
}

function invalidToken(problem: string): ConnectError {
  return new ConnectError('pair_token_invalid', { details: { problem } })
}

async function checkFirstAlignment(open: OpenPairFile): Promise<void> {
  const { name, streams, createLimit } = open.file
  const first = new Set<string>()
  const store = new PostgresLinkStore(open.session, name)
  const isStored = await hasLinks(open.session)
  for (const stream of streams)
    if (!isStored || (await isFirstAlignment(stream.name, store))) first.add(stream.name)
  if (first.size === 0) return
  const { preview } = await previewOpen(open)
  const count = preview.streams
    .filter((stream) => first.has(stream.name))
    .reduce((sum, { counts }) => sum + counts.created, 0)
  if (count <= createLimit) return
  const details = { pair: name, count, limit: createLimit }
  throw new ConnectError('pair_token_required', { details })
}
