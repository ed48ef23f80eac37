import type { RunProgress, StreamProgress } from '../../engine/run-types.ts'
import { exitCodes } from '../exit-codes.ts'
import type { RunEnd, RunOutput } from './run-output.ts'

/**
 * Passes everything on, and remembers the last progress: for a run that does not end after it was stopped.
 */
export class LastProgress implements RunOutput {
  readonly #output: RunOutput
  #progress: RunProgress | undefined

  constructor(output: RunOutput) {
    this.#output = output
  }

  note(text: string): void {
    this.#output.note(text)
  }

  progress(progress: RunProgress): void {
    this.#progress = progress
    this.#output.progress(progress)
  }

  end(end: RunEnd): void {
    this.#output.end(end)
  }

  /** The state in which the run is abandoned. */
  endAsAbandoned(): RunEnd {
    const exitCode = exitCodes.stopped
    if (this.#progress === undefined) return { kind: 'stopped', exitCode }
    const { startedAtMs, atMs, streams } = this.#progress
    return {
      kind: 'abandoned',
      exitCode,
      seconds: (atMs - startedAtMs) / 1000,
      streams: streams.map(markStopped),
    }
  }
}

function markStopped(stream: StreamProgress): StreamProgress {
  const isOpen = stream.status === 'waiting' || stream.status === 'running'
  return isOpen ? { ...stream, status: 'stopped' } : stream
}
