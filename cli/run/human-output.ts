import type { RunProgress, RunResult } from '../../engine/run-types.ts'
import { errorCodes, streamKey } from '../../protocol/index.ts'
import { errorLines } from '../output/error-lines.ts'
import { plainText } from '../output/plain-text.ts'
import { count, rows } from './amounts.ts'
import type { Paint } from '../output/paint.ts'
import { liveLines, plainLine } from './progress-lines.ts'
import { resultLines, type ShownResult } from './result-lines.ts'
import { RunClock } from './run-clock.ts'
import type { RunEnd, RunOutput } from './run-output.ts'
import type { Screen } from '../output/screen.ts'
import { plainLabel } from './plain-label.ts'
import { resumeNote, resumeNoteAfter } from './resume-note.ts'

/** 5 redraws a second are smooth; a log file wants a line every few seconds. */
const redrawEveryMs = 200
const plainLineEveryMs = 5_000

/** The next step: running again only helps if no person has to fix something first. */
function adviceOf({ status, streams }: RunResult): string {
  if (status === 'complete') return ''
  if (status === 'stopped') return `. Run the same command again: ${resumeNote}.`
  const errors = streams.flatMap(({ error }) => (error === undefined ? [] : [error]))
  if (errors.length === 0) return '. Not every record was loaded: see the warnings.'
  if (errors.every(({ code }) => code === 'fenced'))
    return '. Let the newer run finish: it has the connection now.'
  const canRetry = errors.filter(({ code }) => errorCodes[code].retryable).length
  const note = resumeNoteAfter(errors)
  const goesOn =
    status === 'partial'
      ? `complete streams start their next sync (with append and full_refresh, their rows come once more); of the failed streams, ${note}`
      : note
  if (canRetry === errors.length) return `. Run the same command again: ${goesOn}.`
  if (canRetry === 0)
    return `. Correct what the errors name, then run the same command again: ${goesOn}.`
  return `. Run the same command again: ${goesOn}; some errors need a fix first, as they say.`
}

/** Progress and result for people, on stderr: live on a terminal, plain lines elsewhere. */
export class HumanOutput implements RunOutput {
  readonly #screen: Screen
  readonly #paint: Paint
  readonly #clock = new RunClock()
  readonly #ended = new Set<string>()
  #shownAtMs: number | undefined

  constructor(screen: Screen, paint: Paint) {
    this.#screen = screen
    this.#paint = paint
  }

  note(text: string): void {
    this.#screen.line(plainText(text))
  }

  progress(progress: RunProgress): void {
    this.#clock.observe(progress)
    this.#announceEnded(progress)
    const { isTerminal } = this.#screen
    // A run shorter than the first interval shows its result only.
    this.#shownAtMs ??= isTerminal ? Number.NEGATIVE_INFINITY : progress.startedAtMs
    if (progress.atMs - this.#shownAtMs < (isTerminal ? redrawEveryMs : plainLineEveryMs)) return
    this.#shownAtMs = progress.atMs
    if (isTerminal) this.#screen.live(liveLines(progress, this.#clock))
    else this.#screen.line(plainLine(progress, this.#clock))
  }

  end(end: RunEnd): void {
    this.#screen.live([])
    const paint = this.#paint
    if (end.kind === 'result') this.result(end.result, adviceOf(end.result))
    else if (end.kind === 'abandoned')
      this.result(
        {
          status: 'stopped',
          seconds: end.seconds,
          streams: end.streams.map((stream) => ({ ...stream, warnings: [] })),
        },
        `, stopped before everything had ended. Run the same command again: ${resumeNote}.`,
      )
    else if (end.kind === 'error') this.#screen.lines(errorLines(end.error, { paint }))
    else this.#screen.line(`${paint('yellow', 'run stopped')} before anything was read`)
  }

  /** The summary of a run that has ended. */
  result(result: ShownResult, next: string): void {
    this.#screen.live([])
    const context = { clock: this.#clock, paint: this.#paint, advice: next }
    this.#screen.lines(resultLines(result, context))
  }

  /** One line when a stream ends, unless all end at once; the full summary comes with the result. */
  #announceEnded(progress: RunProgress): void {
    const goesOn = progress.streams.some(
      ({ status }) => status === 'waiting' || status === 'running',
    )
    if (!goesOn && this.#ended.size === 0) return
    for (const stream of progress.streams) {
      const key = streamKey(stream.stream)
      if (stream.status === 'waiting' || stream.status === 'running' || this.#ended.has(key))
        continue
      this.#ended.add(key)
      const rejected = stream.rejected > 0 ? `, ${count(stream.rejected)} rejected` : ''
      this.#screen.line(
        `${plainLabel(stream.stream)}: ${stream.status}, ${rows(stream.loaded)} loaded${rejected}`,
      )
    }
  }
}
