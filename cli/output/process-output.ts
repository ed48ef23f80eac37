import process from 'node:process'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { Mask } from '../../protocol/secrets/mask.ts'
import type { CommandOutput } from './command-output.ts'
import { paintFor } from './paint.ts'
import { Screen } from './screen.ts'
import { writeOutput } from './write-output.ts'

/** Gets the secrets as soon as they are known: all output of this process goes through it. */
export const mask = new Mask()

/** All that is written to it is masked. */
export const screen = screenFor((text) => mask.text(text))

/**
 * For the output of a run, which is masked before it is written (masked-output.ts). A process uses one of the
 * two.
 */
export const runScreen = screenFor((text) => text)

function screenFor(shown: (text: string) => string): Screen {
  return new Screen({
    get isTTY() {
      return process.stderr.isTTY
    },
    get columns() {
      return process.stderr.columns
    },
    get rows() {
      return process.stderr.rows
    },
    write: (text) => {
      writeNoted(process.stderr, shown(text))
    },
  })
}

/** An event of a run, masked before. */
export function writeJson(line: string): void {
  writeNoted(process.stdout, `${line}\n`)
}

const accepted = new Map<NodeJS.WriteStream, Promise<boolean>>()

/**
 * Whether the last write to the stream was accepted: by the pipe, the file or the terminal. Its reader may
 * close it right after that.
 */
export async function isAccepted(stream: NodeJS.WriteStream): Promise<boolean> {
  return (await accepted.get(stream)) === true
}

function writeNoted(stream: NodeJS.WriteStream, text: string): void {
  const written = new Promise<boolean>((resolve) => {
    stream.write(text, (error) => {
      resolve(error == null)
    })
  })
  accepted.set(stream, written)
}

let failure: Error | undefined

/** The reason why stdout could not be written: the first error that the stream reported. */
export function stdoutFailure(): Error | undefined {
  return failure
}

export function stdoutProblem(error: Error): string {
  const reason = errorCodeOf(error) === 'EPIPE' ? 'nobody reads it (EPIPE)' : error.message
  return `stdout cannot be written: ${reason}`
}

/** Before anything is written. */
export function listenForOutputErrors(): void {
  // Without a listener, an error would end the process with a stack trace; the failed write reports it too.
  process.stdout.on('error', (error) => {
    failure ??= error
  })
  // A closed terminal must not end a process that is shutting down.
  process.stderr.on('error', () => undefined)
}

export function commandOutput({ json }: { readonly json?: true }): CommandOutput {
  return {
    json: json === true,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    paint: paintFor(process.stderr),
    outPaint: paintFor(process.stdout),
    screen,
    write: writeOutput,
  }
}
