/** Whose an `Idempotency-Key` is: the caller's (its API key or user), or the instance's, whoever calls. */
export const idempotencyScopes = ['caller', 'instance'] as const
export type IdempotencyScope = (typeof idempotencyScopes)[number]

/** The kinds of dry-runs that can be asked for. */
export const dryRunLevels = ['native', 'synthesized'] as const
export type RequestedDryRunLevel = (typeof dryRunLevels)[number]
