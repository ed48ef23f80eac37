/** The scope of an `Idempotency-Key`: the caller (its API key or user), or the instance, for all callers. */
export const idempotencyScopes = ['caller', 'instance'] as const
export type IdempotencyScope = (typeof idempotencyScopes)[number]

/** The kinds of dry-runs that can be asked for. */
export const dryRunLevels = ['native', 'synthesized'] as const
export type RequestedDryRunLevel = (typeof dryRunLevels)[number]
