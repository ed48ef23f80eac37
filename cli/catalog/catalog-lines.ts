import type { z } from 'zod'
import { counted } from '../run/amounts.ts'
import { docsPath } from '../output/docs-path.ts'
import { plainText } from '../output/plain-text.ts'
import { table } from '../output/table.ts'
import { fieldLines } from './field-lines.ts'
import type {
  catalogDocument,
  descriptorDocument,
  searchDocument,
} from '../../service/catalog/schema.ts'

export type ConnectorSummary = z.output<typeof catalogDocument>['items'][number]
export type ConnectorDocument = z.output<typeof descriptorDocument>

export type SearchResult = Pick<z.output<typeof searchDocument>, 'items' | 'published_problem'>

/** One line per connector that was found, and how it comes into the catalog. */
export function searchLines({ items, published_problem: problem }: SearchResult): string {
  const rows = items.map(({ name, title, kind, runs, version, import_as: from, problem: own }) => [
    name,
    kind === 'published' ? (version ?? '') : kind,
    title,
    own ?? runsTexts[runs],
    from === null ? '' : `catalog import ${from}`,
  ])
  const none = items.length === 0 ? 'no connector has these words in its name or title\n' : ''
  const note = problem === null ? '' : `Airbyte’s list was not searched: ${plainText(problem)}\n`
  return `${none}${rows.length === 0 ? '' : table(rows)}${note}`
}

const runsTexts: Readonly<Record<SearchResult['items'][number]['runs'], string>> = {
  ready: 'ready',
  after_import: 'runs here after its import',
  as_process: 'a program in Python, which runs as a process if you allow it',
  not_here: 'does not run here',
}

/** One line per connector. */
export function summaryLines(connectors: readonly ConnectorSummary[]): string {
  return table(
    connectors.map(({ type, kind, title, streams, has_actions: hasActions, problem }) => [
      type,
      kind,
      streams === null ? '' : counted(streams, 'stream'),
      hasActions ? 'actions' : '',
      problem ?? title,
    ]),
  )
}

/** The facts that a person needs before the first run. */
export function connectorLines(connector: ConnectorDocument): string {
  const { type, kind, title, docs_url: docs, spec, auth, streams, actions, webhooks } = connector
  const next = `next: reactor connect catalog show ${type} ACTION\n`
  return [
    `${type} (${kind}): ${plainText(title)}\n`,
    `docs: ${plainText(docsPath(docs))}\n`,
    '\nconfiguration\n',
    fieldLines(spec) || '  No authentication is needed.\n',
    ...authLines(auth),
    '\nstreams\n',
    streams === null ? '  They depend on the configuration.\n' : streamLines(streams),
    ...(connector.generates_streams ? ['  And those that it generates.\n'] : []),
    ...(connector.unsupported_dynamic_streams ?? []).map(
      ({ name, reason }) =>
        `  ${plainText(name)}, a dynamic stream, makes none: ${plainText(reason)}\n`,
    ),
    ...(actions.length > 0 ? ['\nactions\n', actionLines(actions)] : []),
    ...(webhooks.length > 0
      ? ['\nwebhooks\n', table(webhooks.map((hook) => [`  ${hook.name}`, plainText(hook.title)]))]
      : []),
    ...(actions.length > 0 ? ['\n', next] : []),
  ].join('')
}

function authLines(auth: ConnectorDocument['auth']): readonly string[] {
  const ways = auth.flatMap((scheme) => {
    switch (scheme.kind) {
      case 'none':
        return []
      case 'api_key':
        return [`  a key or token, in ${scheme.field}\n`]
      case 'basic':
        return [
          `  a user and a password, in ${scheme.username_field} and ${scheme.password_field}\n`,
        ]
      case 'oauth2':
        return ['  OAuth in the browser: reactor connect instances credentials NAME\n']
    }
  })
  return ways.length === 0 ? [] : ['\nauth, one of\n', ...ways]
}

function actionLines(actions: ConnectorDocument['actions']): string {
  return table(actions.map(({ name, effect, title }) => [`  ${name}`, effect, plainText(title)]))
}

function streamLines(streams: NonNullable<ConnectorDocument['streams']>): string {
  return table(
    streams.map(({ name, primary_key: key, cursor_field: cursor, unsupported }) => [
      `  ${name}`,
      key.length === 0 ? '' : `key ${key.join(', ')}`,
      cursor === null ? '' : `cursor ${cursor}`,
      unsupported ?? '',
    ]),
  )
}
