import { z } from 'zod'
import { standardWebhooks } from '../../../../connectors/webhook-signature.ts'
import type { Vault } from '../../../platform/vault/vault.ts'
import type { ClaimedDispatch } from '../../deliveries/contract.ts'
import { receiverPath } from '../../receivers/contract.ts'
import { previousSchema, validAt } from '../../receivers/previous.ts'
import { signedHeaders } from '../../signature/sign.ts'
import { dispatchId } from './envelope.ts'

const secretsSchema = z.object({
  dispatch: z.string(),
  previousDispatch: z.array(previousSchema).default([]),
})
type Secrets = z.output<typeof secretsSchema>

interface KnownSecrets {
  readonly version: number
  readonly secrets: Promise<Secrets | undefined>
}

/** How many receivers are remembered. */
const mostKnown = 1_000

/**
 * Signs what goes out as Standard Webhooks, with the secrets of the receiver. The vault is asked once for
 * each version of them.
 */
export class StandardSignature {
  readonly #vault: Pick<Vault, 'get'>
  readonly #now: () => number
  readonly #known = new Map<string, KnownSecrets>()

  constructor({ vault, now }: { readonly vault: Pick<Vault, 'get'>; readonly now: () => number }) {
    this.#vault = vault
    this.#now = now
  }

  /**
   * `webhook-id`, `webhook-timestamp`, `webhook-signature`. Undefined: the receiver has no secret. Throws
   * what the vault throws.
   */
  async headers(
    claimed: ClaimedDispatch,
    body: Uint8Array,
  ): Promise<Readonly<Record<string, string>> | undefined> {
    const secrets = await this.#secretsOf(claimed.receiver)
    if (secrets === undefined) return undefined
    const nowMs = this.#now()
    const id = dispatchId(claimed)
    const { dispatch, previousDispatch } = secrets
    const previous = validAt(previousDispatch, nowMs).map(({ value }) => value)
    const signed = [dispatch, ...previous].map((secret) =>
      signedHeaders(standardWebhooks, body, { secret, nowMs, id }),
    )
    const { header } = standardWebhooks
    return { ...signed[0], [header]: signed.map((headers) => headers[header]).join(' ') }
  }

  #secretsOf({
    id,
    secretVersion: version,
  }: ClaimedDispatch['receiver']): Promise<Secrets | undefined> {
    const known = this.#known.get(id)
    if (known?.version === version) return known.secrets
    const secrets = this.#read(id)
    if (this.#known.size >= mostKnown) this.#known.clear()
    this.#known.set(id, { version, secrets })
    // Secrets that the vault did not return are requested again.
    secrets.then(
      (found) => {
        if (found === undefined) this.#known.delete(id)
      },
      () => this.#known.delete(id),
    )
    return secrets
  }

  async #read(id: string): Promise<Secrets | undefined> {
    const stored = await this.#vault.get(receiverPath(id))
    return secretsSchema.safeParse(stored?.secrets).data
  }
}
