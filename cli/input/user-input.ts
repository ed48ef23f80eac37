import { createInterface } from 'node:readline/promises'
import { buffer } from 'node:stream/consumers'
import { Writable, type Readable } from 'node:stream'
import { notUtf8, notUtf8Fix, utf8Text } from '../../lib/text/utf8-text.ts'
import type { ConnectError } from '../../protocol/errors/connect-error.ts'
import { exitCodes } from '../exit-codes.ts'
import { usageError } from '../usage-error.ts'

/** Input from the person, or from the pipe. */
export interface UserInput {
  /** There is a terminal to prompt on. */
  readonly canAsk: boolean
  /** All of standard input, to its end. Throws `usage` if it is not in UTF-8. */
  readAll(): Promise<string>
  /**
   * Prompts for one line that is not shown. Throws `usage` if there is no input: Ctrl-D, a closed terminal.
   */
  askSecret(question: string): Promise<string>
  /** Asks a question that only `y` and `yes` agree to. Throws `usage` if there is no input. */
  confirm(question: string): Promise<boolean>
}

/** The part of `process` that is needed. */
export interface UserStreams {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stderr: { readonly isTTY?: boolean; write(text: string): unknown }
  /** Ends the process: Ctrl-C at a question. */
  exit(code: number): void
}

export function userInput(streams: UserStreams): UserInput {
  const { stdin, stderr } = streams
  return {
    canAsk: stdin.isTTY === true && stderr.isTTY === true,
    readAll: async () => allText(await buffer(stdin)),
    askSecret: (question) => readLine(streams, { question, isShown: false }),
    confirm: async (question) => {
      const line = await readLine(streams, { question: `${question} [y/N] `, isShown: true })
      return /^\s*y(?:es)?\s*$/i.test(line)
    },
  }
}

async function readLine(
  streams: UserStreams,
  { question, isShown }: { readonly question: string; readonly isShown: boolean },
): Promise<string> {
  const { stdin, stderr } = streams
  if (stdin.destroyed) throw noAnswer()
  if (!isShown) stderr.write(question)
  // readline shows what it reads by writing it to its output.
  const echo = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (isShown) stderr.write(chunk.toString('utf8'))
      done()
    },
  })
  const lines = createInterface({ input: stdin, output: echo, terminal: true })
  lines.on('SIGINT', () => {
    stderr.write('\n')
    streams.exit(exitCodes.killed)
  })
  const left = new Promise<never>((_, reject) => {
    const leave = (): void => {
      reject(noAnswer())
    }
    lines.once('close', leave)
    // A signal destroys stdin; readline does not notice this.
    stdin.once('close', leave)
  })
  try {
    return await Promise.race([left, lines.question(isShown ? question : '')])
  } finally {
    lines.close()
    if (!isShown) stderr.write('\n')
  }
}

function allText(bytes: Uint8Array): string {
  const text = utf8Text(bytes)
  if (text !== undefined) return text
  throw usageError(`Standard input cannot be used: ${notUtf8}`, notUtf8Fix)
}

function noAnswer(): ConnectError {
  const problem = 'The question was not answered'
  const fix = 'Run the command again; `--help` shows the option that replaces the question.'
  return usageError(problem, fix)
}
