import { createHmac } from 'node:crypto'
import { z } from 'zod'
import type { StoredKey } from '../../platform/vault/stored-key.ts'
import {
  isUnusable,
  targetsFolder,
  type PutOptions,
  type Vault,
} from '../../platform/vault/vault.ts'
import { hiddenTarget, isPlain, splitKey } from './masked-target.ts'

export interface TargetAddressesOptions {
  readonly vault: Vault
  /** The key of the service: equal addresses are the same target for all receivers. */
  readonly key: StoredKey
}

/** An entry of the vault: whole targets by their keys. */
const entrySchema = z.record(z.string(), z.string())
type Entry = Readonly<z.output<typeof entrySchema>>

/** How many whole targets are remembered. */
const mostKnown = 1_000
const keyDigits = 32

/**
 * Whole `url:` targets whose query may be a secret are in the vault, one entry for each receiver. The
 * database has what is shown of them, and a key: an HMAC of the whole, so a key never means another address.
 */
export class TargetAddresses {
  readonly #options: TargetAddressesOptions
  readonly #known = new Map<string, string>()

  constructor(options: TargetAddressesOptions) {
    this.#options = options
  }

  /** How a target is stored; the same for the same target. Throws what the vault throws. */
  async stored(target: string): Promise<string> {
    if (!isPlain(target)) return target
    const { secret } = await this.#options.key.get()
    const hash = createHmac('sha256', secret).update(target).digest('hex')
    return hiddenTarget(target, hash.slice(0, keyDigits))
  }

  async allStored<Item extends { readonly target: string }>(
    items: readonly Item[],
  ): Promise<readonly Item[]> {
    if (!items.some(({ target }) => isPlain(target))) return items
    return Promise.all(
      items.map(async (item) => ({ ...item, target: await this.stored(item.target) })),
    )
  }

  /**
   * Adds the whole targets of a receiver to the vault, before the database has their keys. One caller at a
   * time for a receiver.
   */
  async add(receiverId: string, targets: readonly string[]): Promise<void> {
    const plain = targets.filter(isPlain)
    if (plain.length === 0) return
    const added = await Promise.all(
      plain.map(async (target) => [splitKey(await this.stored(target)).key ?? '', target] as const),
    )
    const { entry, replace } = await this.#read(receiverId)
    const missing = added.filter(([key]) => entry[key] === undefined)
    if (missing.length === 0) return
    await this.#put(receiverId, { ...entry, ...Object.fromEntries(missing) }, replace)
  }

  /**
   * Deletes the whole targets of a receiver that it does not have any more, after the database has forgotten
   * them.
   */
  async keepOnly(receiverId: string, stored: readonly string[]): Promise<void> {
    const { entry, replace } = await this.#read(receiverId)
    const keys = new Set(stored.map((target) => splitKey(target).key))
    const kept = Object.entries(entry).filter(([key]) => keys.has(key))
    if (kept.length === Object.keys(entry).length) return
    if (kept.length === 0) await this.delete(receiverId)
    else await this.#put(receiverId, Object.fromEntries(kept), replace)
  }

  async delete(receiverId: string): Promise<void> {
    await this.#options.vault.delete(entryPath(receiverId))
  }

  /** The whole of a stored target; undefined: the vault does not have it. Throws what the vault throws. */
  async whole(receiverId: string, stored: string): Promise<string | undefined> {
    const { key } = splitKey(stored)
    if (key === undefined) return stored
    const known = this.#known.get(key) ?? (await this.#read(receiverId)).entry[key]
    if (known === undefined) return undefined
    const [oldest] = this.#known.size >= mostKnown ? this.#known.keys() : []
    if (oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(key, known)
    return known
  }

  /** An entry that cannot be used is replaced. */
  async #read(
    receiverId: string,
  ): Promise<{ readonly entry: Entry; readonly replace: PutOptions }> {
    try {
      const found = await this.#options.vault.get(entryPath(receiverId))
      const entry = entrySchema.safeParse(found?.secrets ?? {}).data ?? {}
      return { entry, replace: { ifVersion: found?.version ?? 0 } }
    } catch (error) {
      if (!isUnusable(error)) throw error
      return { entry: {}, replace: { ifVersion: 'unusable' } }
    }
  }

  async #put(receiverId: string, entry: Entry, replace: PutOptions): Promise<void> {
    await this.#options.vault.put(entryPath(receiverId), { ...entry }, replace)
  }
}

function entryPath(receiverId: string): string {
  return `${targetsFolder}${receiverId}`
}
