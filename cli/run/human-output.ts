import type { RunProgress, RunResult } from '../../engine/run-types.ts'
import { plainText } from '../output/plain-text.ts'
import { count, rows } from './amounts.ts'
import type { Paint } from './paint.ts'
import { liveLines, plainLine } from './progress-lines.ts'
import { errorLines, resultLines, type ShownResult } from './result-lines.ts'
import { RunClock } from './run-clock.ts'
import type { RunEnd, RunOutput } from './run-output.ts'
import type { Screen } from './screen.ts'
import { shownLabel } from './shown-label.ts'

/** 5 redraws a second are smooth; a log file wants a line every few seconds. */
const redrawEveryMs = 200
const plainLineEveryMs = 5_000

const advice: Readonly<Record<RunResult['status'], string>> = {
  complete: '',
  partial:
    '. Run the same command again: complete streams start their next sync, the others go on from their last checkpoint.',
  failed: '. Run the same command again after the fix: it goes on from the last checkpoint.',
  stopped: '. Run the same command again to go on from the last checkpoint.',
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
    if (end.kind === 'result') this.result(end.result, advice[end.result.status])
    else if (end.kind === 'error') this.#screen.lines(errorLines(end.error, { paint }))
    else this.#screen.line(`${paint('yellow', 'run stopped')} before anything was read`)
  }

  /** The account of a run that has ended. */
  result(result: ShownResult, next: string): void {
    this.#screen.live([])
    const context = { clock: this.#clock, paint: this.#paint, advice: next }
    this.#screen.lines(resultLines(result, context))
  }

  /** One line when a stream ends, while others go on; the full account comes with the result. */
  #announceEnded(progress: RunProgress): void {
    const goesOn = progress.streams.some(
      ({ status }) => status === 'waiting' || status === 'running',
    )
    for (const stream of progress.streams) {
      const label = shownLabel(stream.stream)
      if (stream.status === 'waiting' || stream.status === 'running' || this.#ended.has(label))
        continue
      this.#ended.add(label)
      const rejected = stream.rejected > 0 ? `, ${count(stream.rejected)} rejected` : ''
      if (goesOn)
        this.#screen.line(`${label}: ${stream.status}, ${rows(stream.loaded)} loaded${rejected}`)
    }
  }
}
