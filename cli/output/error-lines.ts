import {
  isJsonList,
  isJsonObject,
  type ErrorBody,
  type ErrorDetails,
  type JsonValue,
} from '../../protocol/index.ts'
import type { Paint } from './paint.ts'
import { docsPath } from './docs-path.ts'
import { plainText } from './plain-text.ts'

/** An error as the user reads it: what happened, what to do, and the page to read. */
export function errorLines(
  error: ErrorBody,
  { paint, indent = '' }: { readonly paint: Paint; readonly indent?: string },
): readonly string[] {
  const { more, problems } = error.details ?? {}
  const others = [...textsOf(more), ...otherProblems(problems)]
  const lines = [
    `${paint('red', 'error:')} ${plainText(error.message)} ${paint('dim', `[${error.code}]`)}`,
    ...vendorLines(error.details ?? {}),
    `  fix:  ${plainText(error.suggested_fix)}`,
    ...others.map((text) => `  also: ${plainText(text)}`),
    `  docs: ${docsPath(error.docs_url)}`,
  ]
  return lines.map((line) => `${indent}${line}`)
}

/** The facts that a person needs to find the failure at the vendor, or to ask its support. */
function vendorLines({
  vendor_code: code,
  vendor_request_id: request,
}: ErrorDetails): readonly string[] {
  const facts = Object.entries({ code, request }).flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [`${name} ${textOf(value)}`],
  )
  return facts.length === 0 ? [] : [`  at the vendor: ${plainText(facts.join(', '))}`]
}

/** The message has the first one. */
function otherProblems(problems: JsonValue | undefined): readonly string[] {
  if (!isJsonList(problems)) return []
  return problems.slice(1).map((item) => {
    if (!isJsonObject(item)) return textOf(item)
    const { path = '', problem = '' } = item
    return `${path === '' ? 'the input' : `\`${textOf(path)}\``}: ${textOf(problem)}`
  })
}

function textsOf(list: JsonValue | undefined): readonly string[] {
  return isJsonList(list) ? list.map(textOf) : []
}

function textOf(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
