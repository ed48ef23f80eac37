import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import type { CheckedStatus, ConnectorContext } from '../connector.ts'
import type { LoadedManifest } from '../manifest/load-manifest-file.ts'
import { quoted } from './streams/object-query.ts'
import { SalesforceApi, SalesforceRefusal } from './streams/salesforce-api.ts'

/** A user waits for the result. */
const checkRetrySeconds = 10

/** Logs in, and measures whether the user sees all records. */
export async function check(
  loaded: LoadedManifest,
  config: JsonObject,
  context: ConnectorContext,
): Promise<CheckedStatus> {
  try {
    const options = { loaded, config, context, maxRetrySeconds: checkRetrySeconds }
    await using api = new SalesforceApi(options)
    const { identity } = await api.get('')
    const user = typeof identity === 'string' ? /\/(005\w{12,15})$/.exec(identity)?.[1] : undefined
    if (user === undefined || (await seesAll(api, user))) return { status: 'SUCCEEDED' }
    return { status: 'SUCCEEDED', message: partialView }
  } catch (thrown) {
    const error = asConnectError(thrown)
    if (error.code === 'source_authorization_lost') throw error
    const message = `${error.message}. ${error.suggestedFix}`
    return { status: 'FAILED', message, ...(error.retryable && { error }) }
  }
}

const partialView =
  'The user does not see all records: those that are not shared with it are missing, and a record that is no longer shared looks as if it had never changed again. Give it a permission set with "View All Data", or "View All" on each object.'

async function seesAll(api: SalesforceApi, user: string): Promise<boolean> {
  const condition = `AssigneeId = ${quoted(user)} AND PermissionSet.PermissionsViewAllData = true`
  const soql = `SELECT Id FROM PermissionSetAssignment WHERE ${condition} LIMIT 1`
  try {
    return (await api.query(soql, { withDeleted: false })).totalSize > 0
  } catch (error) {
    // Permissions themselves are not shown to it.
    if (error instanceof SalesforceRefusal) return false
    throw error
  }
}

function asConnectError(thrown: unknown): ConnectError {
  if (!(thrown instanceof SalesforceRefusal)) return ConnectError.from(thrown)
  const details = { subject: 'Salesforce', reason: thrown.message }
  return new ConnectError('source_refused', { details })
}
