import { ConnectError } from '../../../protocol/index.ts'
import { isUnusable, type Vault } from '../../platform/vault/vault.ts'
import type { ReceiverStore, StoredReceiver } from './contract.ts'
import { readReceiverSecrets } from './receiver-secrets.ts'

interface Places {
  readonly store: { readonly receivers: ReceiverStore }
  readonly vault: Pick<Vault, 'get'>
}

/**
 * Compares the receivers with the vault, which may be another one, or empty: a receiver whose secret is not there, or cannot be used, is marked as
 * such; one whose secret is back, too. Returns the names of those that lost theirs.
 */
export async function noteLostReceiverSecrets(places: Places): Promise<readonly string[]> {
  const lost: string[] = []
  for (const receiver of await places.store.receivers.all()) {
    const hasSecret = await isInVault(places.vault, receiver)
    if (hasSecret === receiver.hasSecret) continue
    if (!hasSecret) lost.push(receiver.name)
    await note(places.store.receivers, receiver, hasSecret)
  }
  return lost
}

async function isInVault(vault: Pick<Vault, 'get'>, { id }: StoredReceiver): Promise<boolean> {
  try {
    return (await readReceiverSecrets(vault, id))?.signing !== undefined
  } catch (error) {
    if (isUnusable(error)) return false
    throw error
  }
}

/** If somebody changed the receiver in the meantime, their change wins. */
async function note(
  receivers: ReceiverStore,
  { name, version }: StoredReceiver,
  hasSecret: boolean,
): Promise<void> {
  try {
    await receivers.update(name, { hasSecret, isSecretNew: true }, version)
  } catch (error) {
    const isChanged =
      error instanceof ConnectError &&
      (error.code === 'version_conflict' || error.code === 'receiver_not_found')
    if (!isChanged) throw error
  }
}
