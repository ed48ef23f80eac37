export const sourceLogLevels = ['silent', 'error', 'warn', 'info', 'debug', 'trace'] as const
export type LogLevel = (typeof sourceLogLevels)[number]
