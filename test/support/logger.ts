import { pino, type Logger } from 'pino'

/** Says nothing. */
export const silent: Logger = pino({ level: 'silent' })
