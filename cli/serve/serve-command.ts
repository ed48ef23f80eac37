import { loadSettings } from '../../service/platform/config/load-settings.ts'
import { unknownVariables } from '../../service/platform/config/unknown-variables.ts'
import type { Environment } from '../../plan/environment.ts'
import { migrateOnly } from '../../service/serve/migrate-only.ts'
import { serve } from '../../service/serve/serve.ts'
import { createServiceLogger } from '../../service/serve/service-logger.ts'
import { exitCodes } from '../exit-codes.ts'
import type { ServeArguments } from './serve-program.ts'

/** The context of the service from its command. */
export interface ServeContext {
  readonly environment: Environment
  readonly version: string
  readonly signal: AbortSignal
  /** For a person, on stdout. */
  readonly writeOut: (text: string) => void
  /** Log lines, on stderr. */
  readonly writeLog: (line: string) => void
  now(): number
}

/**
 * Serves until the signal is aborted, or only migrates. Throws `setting_invalid`, and what keeps the service
 * from starting or going on.
 */
export async function runServe(options: ServeArguments, context: ServeContext): Promise<number> {
  const { config, flags } = options
  const { environment, version, signal } = context
  const settings = loadSettings({
    environment,
    flags,
    ...(config !== undefined && { file: config }),
  })
  const logger = createServiceLogger({ level: settings.logLevel, write: context.writeLog })
  for (const { variable, meant } of unknownVariables(environment)) {
    const facts = meant === undefined ? { variable } : { variable, did_you_mean: meant }
    logger.warn(facts, 'a variable of the environment is not a setting: it has no effect')
  }
  const announce = (text: string): void => {
    context.writeOut(`${text}\n`)
  }
  if (options.migrateOnly) {
    await migrateOnly({ settings, logger, announce })
    return exitCodes.complete
  }
  const onStop = (): void => {
    logger.info('stopping: runs drain to their last checkpoint; a second signal ends it at once')
  }
  signal.addEventListener('abort', onStop, { once: true })
  await serve({
    settings,
    version,
    logger,
    signal,
    announce,
    now: () => context.now(),
  })
  return exitCodes.complete
}
