import type { Logger } from 'pino'
import type { PairReport } from '../../engine/two-way/sync-pair.ts'
import { shellWord } from '../../lib/text/shell-word.ts'
import { loadPairFile, type LoadedPairFile } from '../../plan/pair-file/load-pair-file.ts'
import { followPairFile } from '../../plan/pair/follow-pair-file.ts'
import type { PairPorts } from '../../plan/pair/open-pair-file.ts'
import {
  listReviews,
  recordHistory,
  resolveReview,
  showReview,
} from '../../plan/pair/review-pair.ts'
import { previewPairFile, runPairFile } from '../../plan/pair/run-pair.ts'
import type { Environment } from '../../plan/environment.ts'
import type { Mask } from '../../protocol/secrets/mask.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult, type CommandOutput } from '../output/command-output.ts'
import type { PairArguments } from './pair-arguments.ts'
import { previewDocument, reportDocument, roundDocument } from './pair-documents.ts'
import { reportText } from './pair-lines.ts'
import { hasNews, roundText } from './round-line.ts'
import { previewText } from './preview-lines.ts'
import { historyText, reviewText, reviewsText } from './review-lines.ts'

export interface PairContext {
  readonly output: CommandOutput
  readonly environment: Environment
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly mask: Mask
}

/** Runs a command of a pair file. Resolves with the exit code; throws a ConnectError. */
export async function runPairCommand(
  options: PairArguments,
  { output, environment, logger, signal, mask }: PairContext,
): Promise<number> {
  const file = await loadPairFile(options.file, environment)
  mask.add(file.secrets)
  const ports = {
    ...{ logger, signal, mask, now: () => Date.now() },
    note: (text: string) => {
      output.screen.line(text)
    },
  }
  switch (options.command) {
    case 'preview':
      return preview(options.file, file, { output, ports })
    case 'run': {
      const report = await runPairFile(file, { token: options.token }, ports)
      await showResult(output, reportDocument(file.name, report), () =>
        reportText(report, { file: options.file, pair: file.name, output }),
      )
      return exitCodeOf(report)
    }
    case 'follow': {
      await follow(options, file, { output, ports })
      return exitCodes.complete
    }
    case 'list': {
      const reviews = await listReviews(file, ports)
      await showResult(output, { pair: file.name, reviews }, () =>
        reviewsText(reviews, { file: options.file, columns: output.columns }),
      )
      return exitCodes.complete
    }
    case 'show': {
      const details = await showReview(file, options.id, ports)
      await showResult(output, { pair: file.name, ...details }, () =>
        reviewText(details, options.file),
      )
      return exitCodes.complete
    }
    case 'resolve': {
      const { id, resolution } = options
      const review = await resolveReview(file, { id, resolution }, ports)
      await showResult(
        output,
        { pair: file.name, resolved: review.id, resolution },
        () => `${review.id} is decided; the next run carries it out\n`,
      )
      return exitCodes.complete
    }
    case 'history': {
      const { stream, side, record } = options
      const events = await recordHistory(file, { stream, side, record }, ports)
      await showResult(output, { pair: file.name, stream, side, record, events }, () =>
        historyText(events, { stream, side, record }),
      )
      return exitCodes.complete
    }
  }
}

async function preview(
  path: string,
  file: LoadedPairFile,
  { output, ports }: { readonly output: CommandOutput; readonly ports: PairPorts },
): Promise<number> {
  const previewed = await previewPairFile(file, ports)
  if (previewed.preview.isStopped) return exitCodes.stopped
  const facts = { path, file, ...previewed }
  await showResult(output, previewDocument(facts), () => previewText(facts, output))
  return exitCodes.complete
}

/** Rounds that change nothing are not shown, but for the first one. */
async function follow(
  { file: path, token }: { readonly file: string; readonly token: string | undefined },
  file: LoadedPairFile,
  { output, ports }: { readonly output: CommandOutput; readonly ports: PairPorts },
): Promise<void> {
  let isFirst = true
  const onRound = async (report: PairReport): Promise<void> => {
    if (!isFirst && !hasNews(report)) return
    isFirst = false
    const nowMs = ports.now()
    await output.write(
      output.json
        ? `${JSON.stringify({ at: new Date(nowMs).toISOString(), ...roundDocument(file.name, report) })}\n`
        : roundText(report, nowMs),
    )
  }
  const sides = [file.sides.a.place, file.sides.b.place].join(' and ')
  ports.note(`keeping ${sides} the same until stopped: ${shellWord(path)}`)
  await followPairFile(file, { token }, { ...ports, onRound })
}

/** Something that a person or another run must look at is no complete round. */
function exitCodeOf({ streams, isStopped }: PairReport): number {
  if (isStopped) return exitCodes.stopped
  const isLeft = [...streams.values()].some(
    ({ refused, quarantined, heldDeletes, unknown }) =>
      refused + quarantined + heldDeletes + unknown > 0,
  )
  return isLeft ? exitCodes.partial : exitCodes.complete
}
