import type { ErrorBody } from '../../protocol/index.ts'
import type { Paint } from './paint.ts'
import { docsPath } from './docs-path.ts'
import { plainText } from './plain-text.ts'

/** An error as the user reads it: what happened, what to do, and the page to read. */
export function errorLines(
  error: ErrorBody,
  { paint, indent = '' }: { readonly paint: Paint; readonly indent?: string },
): readonly string[] {
  const more = error.details?.more
  const others = Array.isArray(more) ? more.map((text) => `  also: ${plainText(String(text))}`) : []
  const lines = [
    `${paint('red', 'error:')} ${plainText(error.message)} ${paint('dim', `[${error.code}]`)}`,
    `  fix:  ${plainText(error.suggested_fix)}`,
    ...others,
    `  docs: ${docsPath(error.docs_url)}`,
  ]
  return lines.map((line) => `${indent}${line}`)
}
