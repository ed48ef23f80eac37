import type { Environment } from '../contracts.ts'

/** A line that says what went wrong, and the stack for who looks closer. */
export function warnWithoutStack(
  { logger }: Pick<Environment, 'logger'>,
  error: unknown,
  text: string,
): void {
  logger.warn({ reason: error instanceof Error ? error.message : String(error) }, text)
  logger.debug({ err: error }, text)
}
