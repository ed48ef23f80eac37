import { STATUS_CODES } from 'node:http'
import type { OpenAPIV3, OpenAPIV3_1 } from 'openapi-types'

type Document = Partial<OpenAPIV3.Document | OpenAPIV3_1.Document>
type Operation = OpenAPIV3.OperationObject | OpenAPIV3_1.OperationObject

/**
 * Connectors, vault and store have errors of their own: errors that a route does not list have the same
 * shape.
 */
const otherFailure = {
  description: 'Any other error of docs/errors.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
}

/**
 * Corrects the generated document: optional bodies are not required, responses have a description, every
 * operation describes its errors, and only components that are referenced stay (the generator adds each one
 * for requests and for responses).
 */
export function tidyDocument(document: Document, optionalBodies: ReadonlySet<string>): Document {
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const operation of [item?.get, item?.post, item?.patch, item?.delete]) {
      if (operation !== undefined) tidyOperation(operation, !optionalBodies.has(path))
    }
  }
  keepReferred(document)
  return document
}

function tidyOperation(operation: Operation, bodyRequired: boolean): void {
  const body = operation.requestBody
  if (body !== undefined && 'required' in body) body.required = bodyRequired
  const answers: Operation['responses'] = { ...operation.responses, default: otherFailure }
  for (const status of Object.keys(answers)) {
    const answer = answers[status]
    if (answer === undefined || '$ref' in answer) continue
    if (answer.description === 'Default Response') answer.description = STATUS_CODES[status] ?? ''
  }
  operation.responses = answers
}

function keepReferred(document: Document): void {
  const all: Record<string, unknown> = document.components?.schemas ?? {}
  const referred = new Set<string>()
  const open = referencesIn(document.paths)
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (referred.has(name)) continue
    referred.add(name)
    open.push(...referencesIn(all[name]))
  }
  for (const name of Object.keys(all)) if (!referred.has(name)) Reflect.deleteProperty(all, name)
}

function referencesIn(part: unknown): string[] {
  const text = JSON.stringify(part ?? null)
  return [...text.matchAll(/"#\/components\/schemas\/([^"/]+)"/g)].map(([, name]) => name ?? '')
}
