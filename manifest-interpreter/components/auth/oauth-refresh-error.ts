import { secretMask } from '../../../protocol/secrets/secret-mask.ts'
import { SourceError } from '../../contracts.ts'
import { list, optionalComponent, optionalText } from '../../definition.ts'
import { get, isDict } from '../../value/dict.ts'
import { contains } from '../../value/equality.ts'
import { parseJson } from '../../value/json.ts'
import { valueError } from '../../value/python-error.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** The responses of a token endpoint that mean that the refresh token is no longer valid. */
export interface RefreshErrorRules {
  readonly statusCodes: readonly Value[]
  readonly key: string
  readonly values: readonly Value[]
  /** Secrets that an endpoint may echo: they are masked in shown texts. */
  readonly secrets: () => readonly string[]
}

/** The refresh token is no longer valid. */
export class RefreshTokenRejection extends SourceError {}

const defaultRules = {
  statusCodes: [400],
  key: 'error',
  values: ['invalid_grant', 'invalid_permissions'],
}

/** The rules of an OAuthAuthenticator, which may be in its refresh_token_updater instead. */
export function refreshErrorRules(
  definition: PlainDict,
  secrets: () => readonly string[],
): RefreshErrorRules {
  const updater = optionalComponent(definition, 'refresh_token_updater')
  const own = rulesIn(definition)
  const updaters = updater === undefined ? undefined : rulesIn(updater)
  if (own !== undefined && updaters !== undefined)
    throw valueError(
      'refresh_token_error should either be defined on the OAuthAuthenticatorModel or the RefreshTokenUpdaterModel, not both',
    )
  return { ...(updaters ?? own ?? defaultRules), secrets }
}

function rulesIn(definition: PlainDict): Omit<RefreshErrorRules, 'secrets'> | undefined {
  const statusCodes = list(definition, 'refresh_token_error_status_codes')
  const key = optionalText(definition, 'refresh_token_error_key') ?? ''
  const values = list(definition, 'refresh_token_error_values')
  const hasRules = statusCodes.length > 0 || key !== '' || values.length > 0
  return hasRules ? { statusCodes, key, values } : undefined
}

/** The error for a refused refresh token; null if the response means something else. */
export function refreshRejection(
  status: number,
  body: string,
  rules: RefreshErrorRules,
): RefreshTokenRejection | null {
  const content = parseObject(body)
  if (content === undefined || !contains(rules.statusCodes, status)) return null
  if (!contains(rules.values, get(content, rules.key) ?? null)) return null
  const mask = (text: string) =>
    rules.secrets().reduce((masked, secret) => masked.replaceAll(secret, secretMask), text)
  const detail = providerDetail(content)
  const message =
    "Refresh token was rejected by the OAuth provider (invalid, expired, or already used). Re-authenticate this source's credentials in its connection settings."
  return new RefreshTokenRejection(
    detail === '' ? message : `${message} Provider error: ${shorten(mask(detail), 64)}`,
    {
      failureType: 'config_error',
      internalMessage: `Refresh token rejected by the OAuth token endpoint. HTTP ${status}: ${shorten(mask(body), 1000)}`,
    },
  )
}

function parseObject(body: string): Dict | undefined {
  try {
    const content = parseJson(body)
    return isDict(content) ? content : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** The error of RFC 6749 and the provider's own code: short, and the same each time the same thing fails. */
function providerDetail(content: Dict): string {
  const parts: string[] = []
  const error = get(content, 'error')
  if (typeof error === 'string' && error.trim() !== '')
    parts.push(error.trim().split(/\s+/).join(' '))
  const description = get(content, 'error_description')
  const code =
    typeof description === 'string' ? /^[A-Za-z]{3,}\d{4,}\b/.exec(description.trim()) : null
  if (code !== null) parts.push(code[0])
  return parts.join(': ')
}

function shorten(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength)}...`
}
