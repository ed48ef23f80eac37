/** A scope as the API takes it. */
export interface ScopeInput {
  readonly action: string
  readonly names?: readonly string[]
}

/** `connections:*@ci-*,nightly`. Undefined for what is none. */
export function parseScope(text: string): ScopeInput | undefined {
  const [action = '', names, ...more] = text.split('@')
  if (!/^[a-z*][a-z:*-]*$/.test(action) || more.length > 0) return undefined
  if (names === undefined) return { action }
  const list = names.split(',')
  return list.every((name) => /^[A-Za-z0-9_*-]+$/.test(name)) ? { action, names: list } : undefined
}

/** As `parseScope` reads it. */
export function scopeText({
  action,
  names,
}: {
  readonly action: string
  readonly names?: readonly string[] | undefined
}): string {
  return names === undefined ? action : `${action}@${names.join(',')}`
}
