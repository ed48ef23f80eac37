import { logout } from '../../cli/auth/logout-command.ts'
import { askService, type AskServiceContext } from '../../cli/client/ask-service.ts'
import { runProgram } from '../../cli/program.ts'
import { runCompare } from '../../cli/compare/compare-command.ts'
import { runPairCommand } from '../../cli/pair/pair-command.ts'
import { runReset } from '../../cli/run/reset-command.ts'
import { runTopics } from '../../cli/topics/topics-command.ts'
import { plainPaint } from '../../cli/output/paint.ts'
import { Screen } from '../../cli/output/screen.ts'
import type { Environment } from '../../plan/environment.ts'
import { Mask } from '../../protocol/secrets/mask.ts'
import { silent } from '../support/logger.ts'
import { neverAborted } from '../support/signal.ts'

export interface CommandEnd {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface CommandOptions {
  readonly environment: Environment
  /** Standard input, if it is a pipe. */
  readonly stdin?: string
  /** A user is at the terminal and gives these answers to the questions. */
  readonly answers?: readonly string[]
  /** Standard output is a terminal of this width. */
  readonly columns?: number
  readonly signal?: AbortSignal
  /** Called with each piece of output. */
  readonly onText?: (text: string) => void
}

/** A command that asks the service, run in this process. */
export async function reactor(
  argv: readonly string[],
  options: CommandOptions,
): Promise<CommandEnd> {
  let code = 0
  let out = ''
  let err = ''
  const answers = [...(options.answers ?? [])]
  const nothing = (): Promise<void> => Promise.resolve()
  const screen = new Screen({
    isTTY: false,
    write: (text) => {
      err += text
      options.onText?.(text)
    },
  })
  const surroundings = (json: boolean): Omit<AskServiceContext, 'input'> => ({
    output: {
      json,
      columns: options.columns,
      paint: plainPaint,
      outPaint: plainPaint,
      screen,
      write: (text) => {
        out += text
        options.onText?.(text)
        return Promise.resolve()
      },
    },
    environment: options.environment,
    signal: options.signal ?? neverAborted(),
  })
  await runProgram(argv, {
    version: '1.2.3',
    run: nothing,
    reset: async (given) => {
      code = await runReset(given, {
        ...surroundings(given.json),
        logger: silent,
        addSecrets: () => undefined,
      })
    },
    compare: async (given) => {
      const mask = new Mask(() => undefined)
      code = await runCompare(given, { ...surroundings(given.json), logger: silent, mask })
    },
    pair: async (given) => {
      const mask = new Mask(() => undefined)
      code = await runPairCommand(given, { ...surroundings(given.json), logger: silent, mask })
    },
    source: nothing,
    destination: nothing,
    catalog: nothing,
    serve: nothing,
    demo: nothing,
    doctor: nothing,
    topics: async (given) => {
      code = await runTopics(given, {
        ...surroundings(given.command === 'list' && given.json),
        addSecrets: () => undefined,
      })
    },
    rotateKey: nothing,
    writeOut: (text) => {
      out += text
    },
    logout: async (flags) => {
      code = await logout(flags, surroundings(flags.json === true))
    },
    askService: async (flags, work, as) => {
      code = await askService(flags, work, {
        ...surroundings(flags.json === true),
        input: {
          canAsk: options.answers !== undefined,
          readAll: () => Promise.resolve(options.stdin ?? ''),
          askSecret: (question) => {
            err += question
            return Promise.resolve(answers.shift() ?? '')
          },
          confirm: (question) => {
            err += question
            return Promise.resolve(answers.shift() === 'y')
          },
        },
        as,
      })
    },
  })
  return { code, out, err }
}
