import type { ActionName } from './actions.ts'
import type { AccessResource } from './access-request.ts'
import { principalKinds, type PrincipalKind, type Scope } from './principal.ts'

/** Whether one of the scopes covers this. A scope with names only covers resources with one of them. */
export function scopesAllow(
  scopes: readonly Scope[] | null,
  action: ActionName,
  resource: AccessResource,
): boolean {
  if (scopes === null) return true
  return scopes.some(
    (scope) =>
      patternMatches(scope.action, action) &&
      (scope.names === null ||
        (resource.kind !== 'service' &&
          scope.names.some((pattern) => patternMatches(pattern, resource.name)))),
  )
}

/** Whether a scope is for the action, whatever the name. */
export function scopesMayAllow(scopes: readonly Scope[] | null, action: ActionName): boolean {
  return scopes === null || scopes.some((scope) => patternMatches(scope.action, action))
}

export function scopesName(scopes: readonly Scope[] | null): boolean {
  return scopes?.some(({ names }) => names !== null) === true
}

/** `*` matches any characters, also none. Linear time: patterns come from users. */
export function patternMatches(pattern: string, text: string): boolean {
  const parts = pattern.split('*')
  const first = parts[0] ?? ''
  if (parts.length === 1) return text === first
  const last = parts.at(-1) ?? ''
  if (text.length < first.length + last.length) return false
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  let position = first.length
  const end = text.length - last.length
  for (const part of parts.slice(1, -1)) {
    const start = text.indexOf(part, position)
    if (start < 0 || start + part.length > end) return false
    position = start + part.length
  }
  return true
}

/** Whether `outer` matches every text that `inner` matches. Returns false if this is hard to decide. */
export function patternCovers(outer: string, inner: string): boolean {
  if (outer === inner) return true
  if (!inner.includes('*')) return patternMatches(outer, inner)
  const [first = '', last = '', ...more] = outer.split('*')
  if (!outer.includes('*') || more.length > 0) return false
  const innerFirst = inner.slice(0, inner.indexOf('*'))
  const innerLast = inner.slice(inner.lastIndexOf('*') + 1)
  return innerFirst.startsWith(first) && innerLast.endsWith(last)
}

/** Whether the outer scopes allow everything that the inner scopes allow. */
export function scopesCover(
  outer: readonly Scope[] | null,
  inner: readonly Scope[] | null,
): boolean {
  if (outer === null) return true
  if (inner === null) return false
  return inner.every((scope) => outer.some((candidate) => covers(candidate, scope)))
}

function covers(outer: Scope, inner: Scope): boolean {
  if (!patternCovers(outer.action, inner.action)) return false
  if (outer.names === null) return true
  const { names } = outer
  return (
    inner.names?.every((name) => names.some((pattern) => patternCovers(pattern, name))) === true
  )
}

const mayMake: Readonly<Record<PrincipalKind, readonly PrincipalKind[]>> = {
  admin: principalKinds,
  operator: ['operator', 'viewer', 'agent'],
  viewer: ['viewer'],
  agent: ['agent'],
}

/** Whether a key of that kind is no stronger. */
export function kindCovers(outer: PrincipalKind, inner: PrincipalKind): boolean {
  return mayMake[outer].includes(inner)
}
