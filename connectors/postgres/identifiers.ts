import { escapeIdentifier, escapeLiteral } from 'pg'

/** A name as SQL text, whatever it holds. */
export function quoteIdentifier(name: string): string {
  return escapeIdentifier(name)
}

/** A schema and a name in it as SQL text. */
export function quoteQualified(schema: string, name: string): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`
}

/** A value as SQL text; COPY takes no parameters. */
export function quoteLiteral(value: string): string {
  return escapeLiteral(value)
}
