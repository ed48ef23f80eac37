import type { ActionDescriptor } from '../../connectors/descriptor-schema.ts'
import type { JsonObject } from '../../protocol/index.ts'
import type { InvokeContext } from '../platform/access/access-request.ts'
import type { DryRun, Invocation } from './schema.ts'

/** The actions of an instance. Every method throws `instance_not_found`, all but `list` `action_not_found`. */
export interface ActionService {
  list(instance: string): Promise<readonly ActionDescriptor[]>
  get(instance: string, action: string): Promise<ActionDescriptor>
  /**
   * What an invocation would send; with credentials of a test mode, what the vendor's test mode did with it. Throws `action_input_invalid`,
   * `dry_run_unsupported`, and for a native one what `invoke` throws.
   */
  dryRun(call: InvokeCall): Promise<DryRun>
  /**
   * Carries it out. Throws `action_input_invalid`, `credentials_missing`, `reauthorization_required`, `dry_run_token_…`, `idempotency_key_…`,
   * `action_…`.
   */
  invoke(call: InvokeCall & InvokeOptions): Promise<InvocationEnd>
  /**
   * What a policy may want to know of a call before it is permitted. A token is taken for a good one: `invoke` refuses one that is not,
   * before anything is sent, and a caller without the right learns nothing from it.
   */
  contextOf(
    call: Pick<InvokeCall, 'instance' | 'action'> & {
      readonly isDryRun: boolean
      readonly token?: string
    },
  ): Promise<InvokeContext>
}

export interface InvokeCall {
  readonly instance: string
  readonly action: string
  readonly input: JsonObject
  /** Id of the principal. */
  readonly principal: string
  readonly timeoutMs?: number
}

export interface InvokeOptions {
  readonly token?: string
  readonly idempotencyKey?: string
  /** Told what is known of the call before anything is sent. */
  onBegin?(facts: InvocationFacts): void
}

export interface InvocationFacts {
  readonly effect: ActionDescriptor['effect']
  /** Keyed hash of the input: equal inputs have equal hashes, and nobody without the vault can find the input by trying. */
  readonly inputHash: string
}

export interface InvocationEnd {
  readonly invocation: Invocation
  /** It was carried out before, under the same key. */
  readonly isReplayed: boolean
}

/** The tokens of dry-runs that were used. */
export interface UsedTokenStore {
  /** False if it was used before. It is forgotten some time after `expiresAt`. */
  use(nonce: string, expiresAt: Date): Promise<boolean>
}
