import type { Page, PageRequest } from '../../platform/lists.ts'
import type { NewReceiver, Receiver, ReceiverInput, ReceiverUpdate } from './schema.ts'

export interface ReceiverService {
  /** Throws `name_taken`, `instance_not_found`, `webhook_not_found`, `secret_form_wrong`, … */
  create(input: ReceiverInput): Promise<NewReceiver>
  get(name: string): Promise<Receiver>
  list(page: PageRequest & { readonly instance?: string }): Promise<Page<Receiver>>
  update(name: string, change: ReceiverUpdate, ifVersion?: number): Promise<Receiver>
  /** A paused one stores what comes, and dispatches it when it is resumed. */
  setPaused(name: string, paused: boolean): Promise<Receiver>
  /** A new address; the one before works for `graceSeconds` more. */
  rotateToken(name: string, graceSeconds: number): Promise<NewReceiver>
  setSecret(
    name: string,
    secret: { readonly signingSecret: string; readonly graceSeconds: number },
  ): Promise<Receiver>
  rotateDispatchSecret(name: string, graceSeconds: number): Promise<NewReceiver>
  /** Its deliveries go too. */
  delete(name: string, ifVersion?: number): Promise<void>
}

export interface ReceiverStore {
  create(input: NewStoredReceiver): Promise<StoredReceiver>
  get(name: string): Promise<StoredReceiver>
  list(page: PageRequest & { readonly instance?: string }): Promise<Page<StoredReceiver>>
  /** All, for the ingress; `sinceMs`… a process reads them whole: there are hundreds, not millions. */
  all(): Promise<readonly StoredReceiver[]>
  update(
    name: string,
    change: Partial<NewStoredReceiver>,
    ifVersion?: number,
  ): Promise<StoredReceiver>
  delete(name: string, ifVersion?: number): Promise<StoredReceiver>
  /** Calls back after each change of a receiver, in any process, and after the session was lost for a time. */
  onChange(changed: () => void): Disposable
}

/** Tokens are random: a fast hash is enough. */
export interface StoredReceiver extends Omit<Receiver, 'hasSecret' | 'warnings'> {
  readonly id: string
  readonly tokenHash: Buffer
  readonly previousTokenHash: Buffer | null
  /** 0: the vault has none. Counts up with each change, so that other processes read the vault again. */
  readonly secretVersion: number
}

export type NewStoredReceiver = Omit<StoredReceiver, 'version' | 'createdAt' | 'updatedAt'>

/** The path of a receiver's secrets in the vault: `ReceiverSecrets`. */
export function receiverPath(receiverId: string): string {
  return `receivers/${receiverId}`
}

/** At `receiverPath`. Times are ISO 8601. */
export interface ReceiverSecrets {
  readonly signing?: string
  readonly previousSigning?: string
  /** `whsec_…`, for `url:` targets. */
  readonly dispatch: string
  readonly previousDispatch?: string
  readonly previousDispatchUntil?: string
}
