export function valueInTable(table: unknown, path: readonly string[]): unknown {
  let value = table
  for (const part of path) value = isTable(value) ? value[part] : undefined
  return value
}

export function tableAt(
  table: unknown,
  path: readonly string[],
): Readonly<Record<string, unknown>> {
  const value = valueInTable(table, path)
  return isTable(value) ? value : {}
}

export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  )
}
