import type { PrincipalKind } from '../../service/platform/access/principal.ts'
import { apiKeyDocument, newApiKeyDocument } from '../../service/api-keys/schema.ts'
import { apiPath } from '../client/api-path.ts'
import { listPages } from '../client/list-pages.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { confirmDeletion, type YesFlag } from '../client/confirm-deletion.ts'
import { showResult } from '../output/command-output.ts'
import { formatTime } from '../output/format-time.ts'
import { listLines } from '../output/list-lines.ts'
import { scopeText, type ScopeInput } from './scope-flag.ts'

export interface KeyFlags {
  readonly kind: PrincipalKind
  readonly scope?: readonly ScopeInput[]
  /** `90d`. */
  readonly expiresIn?: string
}

/** The key alone goes to standard output, so that it can be piped to the place that stores it. */
export async function createKey(
  { client, output }: CommandContext,
  name: string,
  { kind, scope: scopes, expiresIn }: KeyFlags,
): Promise<number> {
  const body = {
    name,
    kind,
    ...(scopes !== undefined && { scopes }),
    ...(expiresIn !== undefined && { expires_in: expiresIn }),
  }
  const { json, document } = await client.ask(
    { method: 'POST', path: apiPath('api-keys'), body },
    newApiKeyDocument,
  )
  if (!output.json) {
    const until = document.expires_at === null ? '' : ` until ${formatTime(document.expires_at)}`
    output.screen.line(
      `key ${document.id} for ${JSON.stringify(name)}, ${kind}${until}; it is shown only once:`,
    )
  }
  await showResult(output, json, () => `${document.key}\n`)
  return exitCodes.complete
}

export async function listKeys(
  { client, output }: CommandContext,
  { limit }: { readonly limit?: number },
): Promise<number> {
  const listed = await listPages(client, { path: apiPath('api-keys'), item: apiKeyDocument, limit })
  await showResult(output, listed.json, () =>
    listLines({
      header: ['ID', 'NAME', 'KIND', 'SCOPES', 'CREATED', 'LAST USED', 'EXPIRES', 'REVOKED'],
      rows: listed.documents.map((key) => [
        key.id,
        key.name,
        key.kind,
        key.scopes?.map(scopeText).join(' ') ?? 'all',
        formatTime(key.created_at),
        formatTime(key.last_used_at) || 'never',
        formatTime(key.expires_at) || 'never',
        formatTime(key.revoked_at),
      ]),
      columns: output.columns,
      dispensable: ['CREATED', 'LAST USED', 'SCOPES', 'EXPIRES'],
      empty: { what: 'API keys', next: 'reactor connect keys create NAME --kind KIND' },
    }),
  )
  return exitCodes.complete
}

export async function revokeKey(
  context: CommandContext,
  id: string,
  flags: YesFlag,
): Promise<number> {
  const { client, output } = context
  if (!(await confirmDeletion(context, flags, `revoke the key ${id}`))) return exitCodes.failed
  await client.tell({ method: 'DELETE', path: apiPath('api-keys', id) })
  await showResult(output, { revoked: id }, () => `revoked ${id}\n`)
  return exitCodes.complete
}
