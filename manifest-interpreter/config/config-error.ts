/** A configuration that cannot be used, or rules for it that cannot be run. The message is for the user. */
export class ConfigError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'ConfigError'
  }
}
