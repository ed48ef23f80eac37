import type { Logger } from 'pino'
import { compareConnection, type CompareProgress } from '../../engine/compare/compare-connection.ts'
import { standardSecondLookMs } from '../../engine/compare/compare-options.ts'
import type { RunPlan } from '../../engine/run-types.ts'
import { shellWord } from '../../lib/text/shell-word.ts'
import type { Environment } from '../../plan/environment.ts'
import { planLoadedFile } from '../../plan/run/run-loaded-file.ts'
import { loadRunFile } from '../../plan/run-file/load-run-file.ts'
import { selectStreams } from '../../plan/streams/select-streams.ts'
import type { Mask } from '../../protocol/secrets/mask.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult, type CommandOutput } from '../output/command-output.ts'
import { rows } from '../run/amounts.ts'
import { comparisonExitCode, comparisonText } from './compare-lines.ts'
import type { CompareArguments } from './compare-program.ts'

export interface CompareContext {
  readonly output: CommandOutput
  readonly environment: Environment
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly mask: Mask
}

/**
 * Compares the rows of a run file's connection. Resolves with the exit code. Throws a ConnectError if nothing
 * could be compared.
 */
export async function runCompare(
  { file, streams, examples, values, secondLook }: CompareArguments,
  { output, environment, logger, signal, mask }: CompareContext,
): Promise<number> {
  const loaded = await loadRunFile(file, environment)
  mask.add(loaded.secrets)
  const note = (text: string): void => {
    if (!output.json) output.screen.line(text)
  }
  const ports = { logger, signal, mask, now: () => Date.now(), note }
  const plan = await planLoadedFile(loaded, ports)
  if (plan === undefined) return exitCodes.stopped
  const report = await compareConnection(
    selected(plan, streams),
    {
      examples,
      withValues: values === true,
      secondLookMs: secondLook ? standardSecondLookMs : null,
    },
    {
      logger,
      signal,
      now: ports.now,
      commands: {
        run: `reactor connect run ${shellWord(file)}`,
        reset: `reactor connect reset ${shellWord(file)}`,
      },
      onProgress: (progress) => {
        output.screen.live([progressLine(progress)])
      },
    },
  )
  output.screen.live([])
  await showResult(output, report, () => comparisonText(report, output))
  return signal.aborted ? exitCodes.stopped : comparisonExitCode(report)
}

function selected(plan: RunPlan, names: readonly string[] | undefined): RunPlan {
  return names === undefined ? plan : selectStreams(plan, names)
}

function progressLine({ stream, rows: compared, done, ranges }: CompareProgress): string {
  return `comparing ${stream}: ${rows(compared)}, part ${String(done)} of ${String(ranges)}`
}
