import { z } from 'zod'
import {
  isUnusable,
  secretsError,
  type PutOptions,
  type Vault,
} from '../../platform/vault/vault.ts'
import { receiverPath, type ReceiverSecrets } from './contract.ts'
import { mostPrevious, previousSchema } from './previous.ts'

const text = z.string().min(1).exactOptional()
const previous = z.array(previousSchema).max(mostPrevious).exactOptional()
const secretsSchema = z.strictObject({
  signing: text,
  previousSigning: previous,
  dispatch: z.string().min(1),
  previousDispatch: previous,
})

/** Null if the vault has none. Throws what `Vault.get` throws. */
export async function readReceiverSecrets(
  vault: Pick<Vault, 'get'>,
  receiverId: string,
): Promise<ReceiverSecrets | null> {
  return (await read(vault, receiverId)).secrets
}

/** The stored secrets, and how they may be replaced. */
export interface StoredReceiverSecrets {
  readonly secrets: ReceiverSecrets | null
  readonly replace: PutOptions
}

/** The same, for a change: an entry that cannot be used is replaced. */
export async function readToChange(
  vault: Pick<Vault, 'get'>,
  receiverId: string,
): Promise<StoredReceiverSecrets> {
  try {
    const { secrets, version } = await read(vault, receiverId)
    return { secrets, replace: { ifVersion: version } }
  } catch (error) {
    if (!isUnusable(error)) throw error
    return { secrets: null, replace: { ifVersion: 'unusable' } }
  }
}

export async function putReceiverSecrets(
  vault: Pick<Vault, 'put'>,
  receiverId: string,
  { secrets, replace }: { readonly secrets: ReceiverSecrets; readonly replace: PutOptions },
): Promise<void> {
  await vault.put(receiverPath(receiverId), { ...secrets }, replace)
}

async function read(
  vault: Pick<Vault, 'get'>,
  receiverId: string,
): Promise<{ readonly secrets: ReceiverSecrets | null; readonly version: number }> {
  const path = receiverPath(receiverId)
  const stored = await vault.get(path)
  if (stored === null) return { secrets: null, version: 0 }
  const { success, data } = secretsSchema.safeParse(stored.secrets)
  if (success) return { secrets: data, version: stored.version }
  throw secretsError('vault_corrupt', path)
}
