import type { Environment } from '../contracts.ts'

/** A line that names the error, and the stack for a closer look. */
export function warnWithoutStack(
  { logger }: Pick<Environment, 'logger'>,
  error: unknown,
  text: string,
): void {
  logger.warn({ reason: error instanceof Error ? error.message : String(error) }, text)
  logger.debug({ err: error }, text)
}
