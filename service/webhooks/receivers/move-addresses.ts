import type { ExclusiveWork } from '../../platform/database/locks.ts'
import { receiverLock, type ReceiverStore } from './contract.ts'
import type { TargetAddresses } from './target-addresses.ts'

export interface MoveOptions {
  readonly store: ExclusiveWork & {
    readonly receivers: Pick<ReceiverStore, 'plainTargets' | 'hideTargets'>
  }
  readonly addresses: Pick<TargetAddresses, 'add' | 'stored'>
}

/**
 * Moves the queries of `url:` targets that a version before stored in the database into the vault. Can be
 * repeated, also after a crash: the vault has the whole targets before the rows lose them. Returns how many
 * targets of receivers were moved.
 */
export async function moveTargetAddresses({ store, addresses }: MoveOptions): Promise<number> {
  let moved = 0
  for (const receiverId of new Set((await found(store)).map((plain) => plain.receiverId)))
    await store.runExclusively(receiverLock(receiverId), async () => {
      const all = (await found(store)).filter((plain) => plain.receiverId === receiverId)
      const present = all.filter(({ isPresent }) => isPresent).map(({ target }) => target)
      await addresses.add(receiverId, present)
      const pairs = all.map(async ({ target }) => [target, await addresses.stored(target)] as const)
      await store.receivers.hideTargets(receiverId, new Map(await Promise.all(pairs)))
      moved += present.length
    })
  return moved
}

function found(store: MoveOptions['store']): ReturnType<ReceiverStore['plainTargets']> {
  return store.receivers.plainTargets()
}
