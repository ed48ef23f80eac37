import { ConnectError } from '../../protocol/index.ts'
import { principalKinds, type Principal, type PrincipalKind } from '../platform/access/principal.ts'
import type { VerifiedClaims } from './token-verifier.ts'

const maxNameLength = 200

/** Whom the claims of an Identity service's token speak of. Throws `role_missing`, a refusal, where they give no kind. */
export function principalOfClaims(claims: VerifiedClaims, roleClaim: string): Principal {
  const kind = kindOf(claims[roleClaim])
  if (kind === undefined) throw new ConnectError('role_missing', { details: { claim: roleClaim } })
  return { kind, id: `user:${claims.sub}`, name: nameOf(claims), via: 'jwt', scopes: null }
}

/** A name of a kind, or a list (a user's groups) with the name of one kind in it. Of several none is taken: which was meant? */
function kindOf(role: unknown): PrincipalKind | undefined {
  const roles: readonly unknown[] = Array.isArray(role) ? role : [role]
  const kinds = principalKinds.filter((kind) => roles.includes(kind))
  return kinds.length === 1 ? kinds[0] : undefined
}

/** For people, from what OpenID Connect calls so; it may be anything, so it is cut and cleaned. */
function nameOf({ sub, email, preferred_username: username, name }: VerifiedClaims): string {
  const given = [email, username, name].find((text) => typeof text === 'string' && text !== '')
  const text = typeof given === 'string' ? given : sub
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '').slice(0, maxNameLength)
}
