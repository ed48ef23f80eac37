import { z } from 'zod'
import type { ActionDescriptor } from '../../connectors/descriptor-schema.ts'
import { errorCodes, type AirbyteCatalog, type JsonObject } from '../../protocol/index.ts'
import { actionTypes, actionsType } from './action-types.ts'
import { breakCycles } from './break-cycles.ts'
import { clientMark } from './client-mark.ts'
import { declareDefinitions } from './declarations.ts'
import type { StoredName } from './stored-names.ts'
import { printDeclaration } from './print-type.ts'
import { docComment, stringLiteral } from './source-text.ts'
import { streamTypes, streamsType } from './stream-types.ts'
import { clientDocuments } from './template/documents.ts'
import { templateBody, type TemplateModule } from './template-text.ts'
import { textNode, unionOf, type Declaration } from './type-node.ts'
import { TypeNames } from './type-names.ts'

/** All that a client is made from. */
export interface ClientInput {
  readonly instance: string
  /** The type of its connector. */
  readonly type: string
  readonly catalog: AirbyteCatalog
  readonly actions: readonly ActionDescriptor[]
  /** The names of the client that this one replaces. */
  readonly names?: readonly StoredName[]
}

/**
 * A TypeScript file: the types of the instance's records and actions, and a client of the service that knows
 * them. The same input gives the same bytes, in whatever order a source lists its streams and fields.
 * `template`: that of `readTemplate`.
 */
export function generateClient(input: ClientInput, template: readonly TemplateModule[]): string {
  const client = templateBody(template, { hasActions: input.actions.length > 0 })
  const documents = printAll(documentTypes())
  // All words in the rest of the file: possibly more than the names that it declares, but never fewer.
  const names = new TypeNames((client + documents).match(/[A-Za-z_$][\w$]*/g) ?? [])
  const streams = streamTypes(input.catalog, names, input.names ?? [])
  const actions = actionTypes(input.actions, names)
  const own = breakCycles([...streams, ...actions].flatMap(({ declarations }) => declarations))
  const types = printAll(own)
  const parts = [
    header(input),
    types,
    streamsType(streams),
    actions.length > 0 ? actionsType(actions) : '',
    printAll(aliasesIn(types + documents)),
    client,
    rule('The documents of the service'),
    documents,
    printDeclaration(errorCode()),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

function header({ instance, type }: ClientInput): string {
  return `${clientMark}--instance ${instance}\`: generate it again instead of editing it.
// The names of its types are kept when it is written again over this file.
// It needs what Node 20, Deno, Bun and browsers have, and no package.
/* eslint-disable */

${docComment('The instance that this is a client of.')}export const instance = { name: ${stringLiteral(instance)}, type: ${stringLiteral(type)} } as const
`
}

function rule(title: string): string {
  const line = `// ${'-'.repeat(99)}`
  return `${line}\n// ${title}\n${line}\n`
}

function printAll(declarations: readonly Declaration[]): string {
  return declarations.map(printDeclaration).join('\n')
}

const aliases: readonly Declaration[] = [
  alias(
    'Integer',
    'number | bigint',
    'An integer: a bigint beyond 2^53, so that no digit is lost.',
  ),
  alias(
    'Decimal',
    'number | bigint | ExactDecimal',
    'A number with all its digits: an ExactDecimal where a double would round it.',
  ),
  alias(
    'ExactDecimal',
    '{ readonly rawJSON: string }',
    'The digits of a number: what `JSON.rawJSON` makes.',
  ),
  alias('IsoDateTime', 'string', 'A moment, ISO 8601 with its offset: `2026-11-26T13:15:28.020Z`.'),
  alias('IsoLocalDateTime', 'string', 'A date and time without an offset: `2026-11-26T13:15:28`.'),
  alias('IsoDate', 'string', 'A day: `2026-11-26`.'),
  alias('IsoTime', 'string', 'A time of day: `13:15:28`.'),
  alias('Base64', 'string', 'Bytes, in base64.'),
]

function alias(name: string, type: string, doc: string): Declaration {
  return { name, doc, type: textNode(type) }
}

/** The declarations that the text uses; one whose name occurs in a description is included too. */
function aliasesIn(types: string): readonly Declaration[] {
  const needsDigits = /\bDecimal\b/.test(types)
  return aliases.filter(
    ({ name }) =>
      new RegExp(`\\b${name}\\b`).test(types) || (name === 'ExactDecimal' && needsDigits),
  )
}

function documentTypes(): readonly Declaration[] {
  const schema = z.toJSONSchema(clientDocuments, { unrepresentable: 'any' }) as JsonObject
  const options = { names: new TypeNames([]), numbers: 'plain', role: 'any' } as const
  return declareDefinitions(schema, options)
}

function errorCode(): Declaration {
  const codes = Object.keys(errorCodes)
    .toSorted()
    .map((code) => textNode(stringLiteral(code)))
  return {
    name: 'ErrorCode',
    doc: 'The codes of errors: each has a page in docs/errors.',
    type: unionOf(codes),
  }
}
