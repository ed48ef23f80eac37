import type { ReceiverSecrets } from './contract.ts'
import { newSecret } from './new-secret.ts'
import { withPrevious } from './previous.ts'

interface ChangeOptions {
  readonly signing: string
  /** When the present one ends; null: it and all before it end at once. */
  readonly until: string | null
  readonly nowMs: number
}

/**
 * Sets another secret of the sender. Setting the same secret again changes nothing, but may end the previous
 * ones. Throws `request_invalid` if too many are still valid.
 */
export function withSigning(
  before: ReceiverSecrets | null,
  { signing, until, nowMs }: ChangeOptions,
): ReceiverSecrets {
  const {
    signing: replaced,
    previousSigning: older = [],
    ...rest
  } = before ?? {
    dispatch: newSecret('whsec'),
  }
  // One that comes back is no previous one any more.
  const others = older.filter(({ value }) => value !== signing)
  const ended = replaced === signing ? undefined : replaced
  const previousSigning = withPrevious(others, ended, { until, nowMs })
  return { ...rest, signing, ...(previousSigning.length > 0 && { previousSigning }) }
}

/** Sets another secret that signs deliveries to `url:` targets. Throws the errors of `withSigning`. */
export function withDispatch(
  before: ReceiverSecrets | null,
  end: Omit<ChangeOptions, 'signing'>,
): ReceiverSecrets {
  const { dispatch: replaced, previousDispatch: older = [], ...rest } = before ?? {}
  const previousDispatch = withPrevious(older, replaced, end)
  return {
    ...rest,
    dispatch: newSecret('whsec'),
    ...(previousDispatch.length > 0 && { previousDispatch }),
  }
}
