import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import { errorCodeOf } from '../../../lib/files/error-code.ts'

export interface TokenFileOptions {
  readonly file: string
  readonly logger: Logger
  /** How often the renewal looks whether another token is there. Default 30 s. */
  readonly lookMs?: number
}

/** The characters that an HTTP header may contain. The error for any other token would repeat the token. */
const tokenForm = /^[\x21-\x7e]{1,10000}$/

/**
 * The token of a Vault in a file that another program writes: an agent replaces it, or `vault login` does. It
 * is read for each request, which are few. While the file cannot be read, the token of before is used.
 */
export class TokenFile {
  readonly lookMs: number
  readonly #options: TokenFileOptions
  #last: string | undefined
  #isMissing = false

  constructor(options: TokenFileOptions) {
    this.#options = options
    this.lookMs = options.lookMs ?? 30_000
  }

  /** Throws `setting_invalid` if the file cannot be read and there is no token of before. */
  async read(): Promise<string> {
    const { file, logger } = this.#options
    const { token, reason } = await readToken(file)
    if (token !== undefined) {
      this.#last = token
      this.#isMissing = false
      return token
    }
    if (this.#last === undefined) throw unusableError(file, reason)
    if (!this.#isMissing)
      logger.warn({ file, reason }, 'the file of the vault token: the token of before is used')
    this.#isMissing = true
    return this.#last
  }
}

async function readToken(
  file: string,
): Promise<
  | { readonly token: string; readonly reason?: undefined }
  | { readonly token?: undefined; readonly reason: string }
> {
  try {
    const token = (await readFile(file, 'utf8')).trim()
    return tokenForm.test(token) ? { token } : { reason: 'holds no token' }
  } catch (error) {
    return { reason: `cannot be read (${errorCodeOf(error) ?? String(error)})` }
  }
}

function unusableError(file: string, reason: string): ConnectError {
  const fix =
    'Let the agent write the token into it, or run `vault login`; the user of the service must be able to read it.'
  const details = { setting: 'vault_token_file', place: file, problem: reason, fix }
  return new ConnectError('setting_invalid', { details })
}
