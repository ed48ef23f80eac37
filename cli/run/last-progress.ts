import type { RunProgress, StreamProgress } from '../../engine/run-types.ts'
import { exitCodes } from '../exit-codes.ts'
import type { RunEnd, RunOutput } from './run-output.ts'

/** Passes everything on, and remembers how far the run came: for the end of one that does not come to rest after it was stopped. */
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

  /** Where the run is left. */
  abandoned(): RunEnd {
    const exitCode = exitCodes.stopped
    if (this.#progress === undefined) return { kind: 'stopped', exitCode }
    const { startedAtMs, atMs, streams } = this.#progress
    return {
      kind: 'abandoned',
      exitCode,
      seconds: (atMs - startedAtMs) / 1000,
      streams: streams.map(leftAsItIs),
    }
  }
}

function leftAsItIs(stream: StreamProgress): StreamProgress {
  const isOpen = stream.status === 'waiting' || stream.status === 'running'
  return isOpen ? { ...stream, status: 'stopped' } : stream
}
