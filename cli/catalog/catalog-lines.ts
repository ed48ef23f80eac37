import type { z } from 'zod'
import { counted } from '../run/amounts.ts'
import type { JsonObject, JsonValue } from '../../protocol/index.ts'
import { docsPath } from '../output/docs-path.ts'
import { plainText } from '../output/plain-text.ts'
import { table } from '../output/table.ts'
import type { catalogDocument, descriptorDocument } from '../../service/catalog/schema.ts'

export type ConnectorSummary = z.output<typeof catalogDocument>['items'][number]
export type ConnectorDocument = z.output<typeof descriptorDocument>

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
  const { type, kind, title, docs_url: docs, spec, streams, actions, webhooks } = connector
  return [
    `${type} (${kind}): ${plainText(title)}\n`,
    `docs: ${plainText(docsPath(docs))}\n`,
    '\nconfiguration\n',
    fieldLines(spec) || '  No authentication is needed.\n',
    '\nstreams\n',
    streams === null ? '  They depend on the configuration.\n' : streamLines(streams),
    ...(connector.generates_streams ? ['  And those that it generates.\n'] : []),
    ...(actions.length > 0 ? ['\nactions\n', actionLines(actions)] : []),
    ...(webhooks.length > 0
      ? ['\nwebhooks\n', table(webhooks.map((hook) => [`  ${hook.name}`, plainText(hook.title)]))]
      : []),
  ].join('')
}

function actionLines(actions: ConnectorDocument['actions']): string {
  return table(actions.map(({ name, effect, title }) => [`  ${name}`, effect, plainText(title)]))
}

/** The fields of a configuration or an input, as its schema orders them; empty if it has none. */
export function fieldLines(spec: JsonObject): string {
  const required = new Set(listOf(spec.required))
  const fields = Object.entries(objectOf(spec.properties)).toSorted(
    ([, a], [, b]) => orderOf(a) - orderOf(b),
  )
  return table(
    fields.map(([name, field]) => {
      const { type, title, description, enum: choices, airbyte_secret: secret } = objectOf(field)
      const marks = [required.has(name) ? 'required' : '', secret === true ? 'secret' : '']
      return [
        `  ${name}`,
        typeof type === 'string' ? type : '',
        marks.filter((mark) => mark !== '').join(', '),
        [textOf(description) || textOf(title), choicesText(choices)].filter(Boolean).join(' '),
      ]
    }),
  )
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

function choicesText(choices: JsonValue | undefined): string {
  const list = listOf(choices).map(String)
  return list.length === 0 ? '' : `One of: ${list.join(', ')}.`
}

function orderOf(field: JsonValue | undefined): number {
  const { order } = objectOf(field)
  return typeof order === 'number' ? order : Number.MAX_SAFE_INTEGER
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : {}
}

function listOf(value: JsonValue | undefined): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}
