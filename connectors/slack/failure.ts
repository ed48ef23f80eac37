import { isJsonList, isJsonObject, type JsonObject } from '../../protocol/index.ts'
import type { ActionResponse } from '../action.ts'
import type { ActionDescriptor } from '../descriptor-schema.ts'
import { failureKind, statusFailure, type VendorFailure } from '../http/vendor-api.ts'

const kinds: Readonly<Record<string, VendorFailure['kind']>> = {
  invalid_auth: 'credentials',
  not_authed: 'credentials',
  account_inactive: 'credentials',
  token_revoked: 'credentials',
  token_expired: 'credentials',
  missing_scope: 'permission',
  not_allowed_token_type: 'permission',
  no_permission: 'permission',
  access_denied: 'permission',
  restricted_action: 'permission',
  team_access_not_granted: 'permission',
  ekm_access_denied: 'permission',
  enterprise_is_restricted: 'permission',
  org_login_required: 'permission',
  two_factor_setup_required: 'permission',
  ratelimited: 'rate limit',
  rate_limited: 'rate limit',
  fatal_error: 'failed',
  internal_error: 'failed',
  service_unavailable: 'failed',
  request_timeout: 'failed',
  team_added_to_org: 'failed',
}

/** Words that mean that what an action asks for is so already. */
const alreadyDone: Readonly<Record<string, readonly string[]>> = {
  deleteMessage: ['message_not_found'],
  deleteScheduledMessage: ['invalid_scheduled_message_id'],
  addReaction: ['already_reacted'],
  removeReaction: ['no_reaction'],
  archiveChannel: ['already_archived'],
  unarchiveChannel: ['not_archived'],
}

/** Slack reports a failure with status 200 and `ok: false`. */
export function slackFailure(
  response: ActionResponse,
  { name }: Pick<ActionDescriptor, 'name'>,
): VendorFailure | undefined {
  const { body, status } = response
  const word = isJsonObject(body) && body.ok === false ? body.error : undefined
  if (typeof word !== 'string' || !isJsonObject(body)) return statusFailure(response)
  if (alreadyDone[name]?.includes(word) === true) return undefined
  const kind = kinds[word] ?? (status < 400 ? undefined : failureKind(status)) ?? 'refused'
  return { kind, message: `${word}${explanation(body)}`, code: word }
}

/** Slack's details beside its error word: the scope that is missing, the arguments that are wrong. */
function explanation({ needed, provided, response_metadata: metadata }: JsonObject): string {
  if (typeof needed === 'string') {
    const has = typeof provided === 'string' ? `, the token has ${provided}` : ''
    return ` (needed: ${needed}${has})`
  }
  const messages = isJsonObject(metadata) ? metadata.messages : undefined
  const texts = isJsonList(messages) ? messages.filter((text) => typeof text === 'string') : []
  return texts.length > 0 ? ` (${texts.join('; ')})` : ''
}
