import type { ActionDescriptor } from '../../connectors/descriptor-schema.ts'
import type { JsonObject } from '../../protocol/index.ts'
import type { InvokeContext } from '../platform/access/access-request.ts'
import type { Principal } from '../platform/access/principal.ts'
import type { RequestedDryRun } from '../platform/http/requested-resource.ts'
import type { IdempotencyScope } from './invoke-choices.ts'
import type { DryRun, Invocation } from './schema.ts'

/** The actions of an instance. */
export interface ActionService {
  /** Throws `instance_not_found`. */
  list(instance: string): Promise<readonly ActionDescriptor[]>
  /** Throws `instance_not_found`, `action_not_found`. */
  get(instance: string, action: string): Promise<ActionDescriptor>
  /** Looks a call up, once for each request. */
  prepare(call: ActionRequestCall): Promise<PreparedCall>
}

export interface ActionRequestCall {
  readonly instance: string
  readonly action: string
  readonly input: JsonObject
  readonly principal: Pick<Principal, 'id' | 'kind'>
  /** Absent: it is no dry-run. */
  readonly dryRun?: RequestedDryRun
  /** The token of a dry-run. */
  readonly token?: string
}

/**
 * A call that was looked up. Both methods throw `instance_not_found`, `action_not_found`,
 * `action_input_invalid`.
 */
export interface PreparedCall {
  /**
   * The facts that a policy may need before it permits the call. A token is assumed to be valid: `invoke`
   * refuses an invalid token before anything is sent, and a caller without the right learns nothing from it.
   */
  readonly context: InvokeContext
  /** For the audit log; null if there is no such action. */
  readonly facts: InvocationFacts | null
  /**
   * Shows the request that an invocation would send. If the credentials are for a test mode, shows the effect
   * in the vendor's test mode. Throws `dry_run_unsupported`; a native dry-run also throws the errors of
   * `invoke`.
   */
  dryRun(options: CallOptions): Promise<DryRun>
  /**
   * Carries it out. Throws `credentials_missing`, `reauthorization_required`, `dry_run_token_…`,
   * `idempotency_key_…`, `action_…`.
   */
  invoke(options: InvokeOptions): Promise<InvocationEnd>
}

export interface CallOptions {
  readonly timeoutMs?: number
  /**
   * Aborted when nobody waits for the result any more: a call that was not sent to the vendor ends, and is
   * not sent.
   */
  readonly abandoned?: AbortSignal
}

export interface InvokeOptions extends CallOptions {
  readonly idempotencyKey?: string
  /** Whose key it is; default: the caller's. */
  readonly idempotencyScope?: IdempotencyScope
}

export interface InvocationFacts {
  readonly effect: ActionDescriptor['effect']
  /**
   * Keyed hash of the input: equal inputs have equal hashes, and nobody without the vault can find the input
   * by trying.
   */
  readonly inputHash: string
}

export interface InvocationEnd {
  readonly invocation: Invocation
  /** It was carried out before, under the same key. */
  readonly isReplayed: boolean
}

/** The tokens of dry-runs that were used. */
export interface UsedTokenStore {
  /**
   * False if it was used before for anything else than `usedFor` (null: nothing is the same). It is forgotten
   * some time after `expiresAt`.
   */
  use(nonce: string, expiresAt: Date, usedFor: string | null): Promise<boolean>
}
