import { pino, type Logger } from 'pino'
import { z } from 'zod'
import { cutTexts, passedCharacters, type JsonObject } from '../../protocol/index.ts'
import type { Mask } from '../../protocol/secrets/mask.ts'

const levels = ['trace', 'debug', 'info', 'warn', 'error'] as const

/** One line of a log, without secrets. */
export interface MaskedLine {
  readonly atMs: number
  readonly level: (typeof levels)[number]
  readonly message: string
  readonly fields: JsonObject
}

export interface MaskedLoggerOptions {
  /** Applied to every text of a line. */
  readonly mask: Mask
  /** Where the lines go. */
  readonly logger: Logger
  /** Default: the level of `logger`. */
  readonly level?: (typeof levels)[number]
  /**
   * Fields of every line: what is executed. They replace fields of the line with the same name, so that each
   * name occurs once.
   */
  readonly facts: Readonly<Record<string, string>>
  /** Gets each line too, without the stacks of errors: it is for a user. */
  readonly onLine?: (line: MaskedLine) => void
}

/** A logger whose lines reach the log of the process without secrets. */
export function maskedLogger(options: MaskedLoggerOptions): Logger {
  const { mask, logger, facts, onLine, level = logger.level } = options
  const write = (entry: string): void => {
    const { err, ...line } = lineOf(entry, mask)
    logger[line.level]({ ...line.fields, ...(err && { err }), ...facts }, line.message)
    const shown = err?.message === undefined ? {} : { err: { message: err.message } }
    onLine?.({ ...line, fields: { ...line.fields, ...shown } })
  }
  return pino(
    { level, base: null },
    {
      write: (entry) => {
        try {
          write(entry)
        } catch (error) {
          // A line may come from anywhere, also from a message of a worker, where nobody could catch an
          // error. Its texts are not quoted.
          const failure = error instanceof Error ? error.name : typeof error
          logger.error({ ...facts, failure }, 'a line of the log could not be written')
        }
      },
    },
  )
}

const entrySchema = z
  .object({
    level: z.number(),
    time: z.number(),
    msg: z.string().default(''),
    err: z.record(z.string(), z.json()).optional(),
  })
  .catchall(z.json())

/** A line as pino wrote it. */
function lineOf(entry: string, mask: Mask): MaskedLine & { readonly err: JsonObject | undefined } {
  const { level, time, msg, err, ...fields } = entrySchema.parse(JSON.parse(entry))
  return {
    atMs: time,
    level: levelOf(level),
    message: mask.showBeginning(msg),
    fields: mask.object(cutTexts(fields, passedCharacters)),
    err: err && mask.object(cutTexts(err, passedCharacters)),
  }
}

function levelOf(level: number): MaskedLine['level'] {
  return levels[Math.min(Math.max(Math.floor(level / 10), 1), 5) - 1] ?? 'info'
}
