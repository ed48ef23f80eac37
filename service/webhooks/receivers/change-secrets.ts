import type { ReceiverSecrets } from './contract.ts'
import { newSecret } from './new-secret.ts'

/** With another secret of the sender; the same again changes nothing. `until`: null if the one before is not valid any more. */
export function withSigning(
  before: ReceiverSecrets | null,
  { signing, until }: { readonly signing: string; readonly until: string | null },
): ReceiverSecrets {
  const { previousSigning: older, ...rest } = before ?? { dispatch: newSecret('whsec') }
  const previousSigning = before?.signing === signing ? older : before?.signing
  return {
    ...rest,
    signing,
    ...(until !== null && previousSigning !== undefined && { previousSigning }),
  }
}

/** The same for the secret that deliveries to `url:` targets are signed with. */
export function withDispatch(
  before: ReceiverSecrets | null,
  until: string | null,
): ReceiverSecrets {
  const { signing, previousSigning, dispatch } = before ?? {}
  return {
    ...(signing !== undefined && { signing }),
    ...(previousSigning !== undefined && { previousSigning }),
    dispatch: newSecret('whsec'),
    ...(dispatch !== undefined &&
      until !== null && { previousDispatch: dispatch, previousDispatchUntil: until }),
  }
}
