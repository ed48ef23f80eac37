import { isDeepStrictEqual } from 'node:util'
import { ConnectError } from '../../../protocol/index.ts'
import { isUnusable, type Vault } from '../../platform/vault/vault.ts'
import type { ReceiverStore, StoredReceiver } from './contract.ts'
import { latestEnd } from './previous.ts'
import { readReceiverSecrets } from './receiver-secrets.ts'

type Found = Pick<StoredReceiver, 'hasSecret' | 'previousSecretUntil'>

interface Stores {
  readonly store: { readonly receivers: ReceiverStore }
  readonly vault: Pick<Vault, 'get'>
}

/**
 * Compares the receivers with the vault, which may be another one, or empty: a receiver whose secret is not
 * there, or cannot be used, is marked as such; one whose secret is back, too. So is the end of the secrets
 * before, if a crash came between the vault and the database. Returns the names of those that lost theirs.
 */
export async function noteLostReceiverSecrets(places: Stores): Promise<readonly string[]> {
  const lost: string[] = []
  for (const receiver of await places.store.receivers.all()) {
    const found = await foundInVault(places.vault, receiver)
    const { hasSecret, previousSecretUntil } = receiver
    if (isDeepStrictEqual(found, { hasSecret, previousSecretUntil })) continue
    if (hasSecret && !found.hasSecret) lost.push(receiver.name)
    await note(places.store.receivers, receiver, found)
  }
  return lost
}

async function foundInVault(vault: Pick<Vault, 'get'>, { id }: StoredReceiver): Promise<Found> {
  try {
    const { signing, previousSigning = [] } = (await readReceiverSecrets(vault, id)) ?? {}
    return { hasSecret: signing !== undefined, previousSecretUntil: latestEnd(previousSigning) }
  } catch (error) {
    if (isUnusable(error)) return { hasSecret: false, previousSecretUntil: null }
    throw error
  }
}

/** If somebody changed the receiver in the meantime, their change wins. */
async function note(
  receivers: ReceiverStore,
  { name, version }: StoredReceiver,
  found: Found,
): Promise<void> {
  try {
    await receivers.update(name, { ...found, isSecretNew: true }, version)
  } catch (error) {
    const isChanged =
      error instanceof ConnectError &&
      (error.code === 'version_conflict' || error.code === 'receiver_not_found')
    if (!isChanged) throw error
  }
}
