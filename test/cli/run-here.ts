import { plainPaint } from '../../cli/output/paint.ts'
import { commandFailure } from '../../cli/output/command-failure.ts'
import { Screen } from '../../cli/output/screen.ts'
import { parseAlone } from '../../cli/parse-command.ts'
import { loadRunFile } from '../../plan/run-file/load-run-file.ts'
import { HumanOutput } from '../../cli/run/human-output.ts'
import { JsonOutput } from '../../cli/run/json-output.ts'
import { createLogger } from '../../cli/run/log-lines.ts'
import { MaskedOutput } from '../../cli/run/masked-output.ts'
import { runFileCommand, type FileRun } from '../../cli/run/run-command.ts'
import type { RunOutput } from '../../cli/run/run-output.ts'
import { runCommand, type RunArguments } from '../../cli/run/run-program.ts'
import type { Environment } from '../../plan/environment.ts'
import { Mask } from '../../protocol/secrets/mask.ts'
import { sharedThreads } from '../support/engine.ts'
import { neverAborted } from '../support/signal.ts'
import type { CommandEnd } from './reactor-command.ts'

interface RunHereOptions {
  readonly args?: readonly string[]
  readonly env?: Environment
}

/**
 * `reactor connect run FILE …` in this process and with its threads: a process takes 0.7 s of CPU more. For
 * tests of what a run does; that of `reactor-command.ts` is for those of the process.
 */
export async function runHere(
  file: string,
  { args = [], env = {} }: RunHereOptions = {},
): Promise<CommandEnd> {
  const here = new RunHere(env)
  try {
    await parseAlone(['connect', 'run', file, ...args], (connect) =>
      runCommand(connect, (options) => here.run(options)),
    )
  } catch (error) {
    here.end(here.outputFor(args.includes('--json')), { end: commandFailure(error) })
  }
  return here.commandEnd
}

class RunHere {
  readonly #environment: Environment
  readonly #mask = new Mask()
  readonly #texts = { stdout: '', stderr: '' }
  readonly #screen = new Screen({ isTTY: false, write: (text) => (this.#texts.stderr += text) })
  #code: number | null = null

  constructor(environment: Environment) {
    this.#environment = environment
  }

  get commandEnd(): CommandEnd {
    return { code: this.#code, ...this.#texts }
  }

  outputFor(json: boolean): RunOutput {
    const human = new HumanOutput(this.#screen, plainPaint)
    const writeLine = (line: string): void => {
      this.#texts.stdout += `${line}\n`
    }
    return new MaskedOutput(json ? new JsonOutput(writeLine, human) : human, this.#mask)
  }

  end(output: RunOutput, { end }: FileRun): void {
    output.end(end)
    this.#code = end.exitCode
  }

  async run(options: RunArguments): Promise<void> {
    const output = this.outputFor(options.json)
    const ended = await this.#runFile(options, output)
    await using run = ended.run
    this.end(output, ended)
    await run?.confirmReported()
  }

  async #runFile(options: RunArguments, output: RunOutput): Promise<FileRun> {
    const mask = this.#mask
    try {
      const file = await loadRunFile(options.file, this.#environment)
      mask.add(file.secrets)
      const logger = createLogger({
        level: options.logLevel,
        writeLine: (text) => {
          this.#screen.line(mask.text(text))
        },
      })
      const signal = neverAborted()
      const threads = sharedThreads()
      const context = { output, logger, mask, threads, signal, now: Date.now }
      return await runFileCommand(file, options, context)
    } catch (error) {
      return { end: commandFailure(error) }
    }
  }
}
